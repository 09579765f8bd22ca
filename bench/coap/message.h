// CoAP messages for load.c: options put one behind the other, and what an answer says. The servers measured here send
// well-formed messages.

enum { CON = 0, NON = 1, ACK = 2, RST = 3 };
enum { GET = 1, PUT = 3, CREATED = 0x41, CHANGED = 0x44, CONTENT = 0x45, CONTINUE = 0x5f };
enum { OBSERVE = 6, URI_PATH = 11, BLOCK2 = 23, BLOCK1 = 27, SIZE1 = 60 };

typedef struct {
  int type, code, length;
  uint16_t message_id;
  uint32_t token;
  int32_t block2;
  const uint8_t *payload;
} answer;

static uint8_t *put_option(uint8_t *at, int *last, int number, const void *value, int length) {
  int delta = number - *last;
  *last = number;
  *at++ = (delta < 13 ? delta : 13) << 4 | (length < 13 ? length : 13);
  if (delta >= 13) *at++ = delta - 13;
  if (length >= 13) *at++ = length - 13;
  memcpy(at, value, length);
  return at + length;
}

static uint8_t *put_uint(uint8_t *at, int *last, int number, uint32_t value) {
  uint8_t bytes[4] = {value >> 24, value >> 16, value >> 8, value};
  int skip = 0;
  while (skip < 4 && bytes[skip] == 0) skip++;
  return put_option(at, last, number, bytes + skip, 4 - skip);
}

static uint8_t *put_path(uint8_t *at, int *last, const char *path) {
  for (const char *from = path; *from != 0;) {
    const char *to = strchrnul(from, '/');
    if (to > from) at = put_option(at, last, URI_PATH, from, to - from);
    from = *to == 0 ? to : to + 1;
  }
  return at;
}

static uint32_t read_uint(const uint8_t *at, int length) {
  uint32_t value = 0;
  for (int i = 0; i < length && i < 4; i++) value = value << 8 | at[i];
  return value;
}

static int extended(const uint8_t **at, int nibble) {
  if (nibble == 13) return 13 + *(*at)++;
  if (nibble < 14) return nibble;
  *at += 2;
  return 269 + ((*at)[-2] << 8 | (*at)[-1]);
}

static int decode(const uint8_t *bytes, int length, answer *into) {
  if (length < 4) return 0;
  int token_bytes = bytes[0] & 15;
  *into = (answer){bytes[0] >> 4 & 3, bytes[1], 0, bytes[2] << 8 | bytes[3], 0, -1, NULL};
  if (token_bytes == 4) memcpy(&into->token, bytes + 4, 4);
  const uint8_t *at = bytes + 4 + token_bytes, *end = bytes + length;
  int number = 0;
  while (at < end && *at != 0xff) {
    int head = *at++;
    number += extended(&at, head >> 4);
    int size = extended(&at, head & 15);
    if (number == BLOCK2) into->block2 = read_uint(at, size);
    at += size;
  }
  if (at < end) into->payload = at + 1, into->length = end - at - 1;
  return 1;
}
