// Sums of Gaussian bells: the one building block of the parametric spectra in this folder.

/** Height, centre in nm, standard deviation in nm. */
export type Bell = readonly [height: number, centreNm: number, widthNm: number];

/** Beyond this many standard deviations a bell is zero (under 1e-7 of its height). */
const REACH = 6;

export function sumOfBells(bells: readonly Bell[], nm: number): number {
  let sum = 0;
  for (const [height, centreNm, widthNm] of bells) {
    const distance = (nm - centreNm) / widthNm;
    if (Math.abs(distance) < REACH) sum += height * Math.exp(-0.5 * distance * distance);
  }
  return sum;
}
