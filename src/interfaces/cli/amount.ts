// A number of things in words: "1 batch", "2 batches".

export function amount(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}
