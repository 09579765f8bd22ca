// Load for bench/coap.ts, in C so that it is not the bottleneck: node:dgram costs more for each datagram than libcoap's
// whole server does. One socket per client, one epoll loop, answers matched by message identifier. Prints one JSON object.
//
//   load get     PORT CLIENTS SECONDS PATH [PAUSE_US]   GET again and again; with a pause it measures delays only
//   load block2  PORT CLIENTS SECONDS PATH              GET of a large body, block by block of 1024 bytes
//   load block1  PORT CLIENTS SECONDS PATH BYTES        PUT of a large body, block by block
//   load observe PORT CLIENTS SECONDS PATH RATE_HZ      observers, and a writer that PUTs the time
//
// With LOAD_SPIN in the environment it never sleeps, for a core of its own: to wake a sleeping core costs the server, in
// a virtual machine above all, more than to send the datagram.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "message.h"

enum { BLOCK_BYTES = 1024, REPEAT_US = 1000000, MOST_DELAYS = 4000000 };

typedef struct {
  int fd;
  uint16_t message_id;
  uint32_t token;
  uint32_t block;
  double started_us, sent_us, due_us;
  int is_waiting;
  int length;
  uint8_t bytes[1400];
} client;

static struct sockaddr_in server;
static const char *path;
static uint8_t *body;
static long body_bytes, pause_us;
static int is_spinning;
static uint32_t tokens;
static long answered, transfers, repeats, failures, registered;
static double transferred_bytes;
static float *delays_us;
static long delays;

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void add_delay(double us) {
  if (delays < MOST_DELAYS) delays_us[delays++] = us;
}

static uint8_t *put_head(client *c, int code) {
  c->message_id++;
  uint8_t head[8] = {0x44, code, c->message_id >> 8, c->message_id & 255};
  memcpy(head + 4, &c->token, 4);
  memcpy(c->bytes, head, 8);
  return c->bytes + 8;
}

static void put_payload(client *c, uint8_t *at, const void *bytes, int length) {
  *at++ = 0xff;
  memcpy(at, bytes, length);
  c->length = at + length - c->bytes;
}

// ---- sockets

static void send_bytes(client *c) {
  if (send(c->fd, c->bytes, c->length, 0) < 0 && errno != EAGAIN && errno != ECONNREFUSED) perror("send");
  c->sent_us = now_us();
  c->is_waiting = 1;
}

static void acknowledge(client *c, const answer *a) {
  uint8_t bytes[4] = {0x60, 0, a->message_id >> 8, a->message_id & 255};
  if (send(c->fd, bytes, 4, 0) < 0 && errno != EAGAIN) perror("send");
}

// The next message that is here, acknowledged if it has to be; 0 when there is none.
static int next_message(client *c, answer *a) {
  static uint8_t bytes[2048];
  int length;
  while ((length = recv(c->fd, bytes, sizeof bytes, 0)) > 0) {
    if (!decode(bytes, length, a)) continue;
    if (a->type == CON) acknowledge(c, a);
    return 1;
  }
  return 0;
}

static client *open_clients(int count, int epoll) {
  client *clients = calloc(count, sizeof *clients);
  int buffer_bytes = 4 << 20;
  for (int i = 0; i < count; i++) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) != 0) {
      perror("connect");
      exit(1);
    }
    clients[i].fd = fd;
    clients[i].message_id = rand();
    struct epoll_event event = {EPOLLIN, {.u32 = i}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  return clients;
}

// ---- what a client asks, and what it makes of an answer

static void start_transfer(client *c) {
  c->token = tokens++;
  c->block = 0;
  c->started_us = now_us();
}

static void ask_get(client *c) {
  int last = 0;
  start_transfer(c);
  c->length = put_path(put_head(c, GET), &last, path) - c->bytes;
  send_bytes(c);
}

static void ask_block2(client *c) {
  int last = 0;
  if (c->block == 0) start_transfer(c);
  uint8_t *at = put_path(put_head(c, GET), &last, path);
  c->length = put_uint(at, &last, BLOCK2, c->block << 4 | 6) - c->bytes;
  send_bytes(c);
}

static void ask_block1(client *c) {
  int last = 0;
  if (c->block == 0) start_transfer(c);
  long offset = (long)c->block * BLOCK_BYTES, left = body_bytes - offset;
  int length = left > BLOCK_BYTES ? BLOCK_BYTES : left;
  uint8_t *at = put_path(put_head(c, PUT), &last, path);
  at = put_uint(at, &last, BLOCK1, c->block << 4 | (left > BLOCK_BYTES ? 8 : 0) | 6);
  if (c->block == 0) at = put_uint(at, &last, SIZE1, body_bytes);
  put_payload(c, at, body + offset, length);
  send_bytes(c);
}

static void finish_transfer(client *c) {
  transfers++;
  c->block = 0;
  add_delay(now_us() - c->started_us);
}

static void take_get(client *c, const answer *a) {
  if (a->code != CONTENT) failures++;
  else finish_transfer(c);
}

static void take_block2(client *c, const answer *a) {
  transferred_bytes += a->length;
  if (a->code != CONTENT) failures++, c->block = 0;
  else if (a->block2 >= 0 && (a->block2 & 8) != 0) c->block++;
  else finish_transfer(c);
}

static void take_block1(client *c, const answer *a) {
  long left = body_bytes - (long)c->block * BLOCK_BYTES;
  transferred_bytes += left > BLOCK_BYTES ? BLOCK_BYTES : left;
  if (a->code == CONTINUE) c->block++;
  else if ((a->code == CHANGED || a->code == CREATED) && left <= BLOCK_BYTES) finish_transfer(c);
  else failures++, c->block = 0;
}

static void ask_observe(client *c, int value) {
  int last = 0;
  if (value == 0) c->token = tokens++;
  uint8_t *at = put_uint(put_head(c, GET), &last, OBSERVE, value);
  c->length = put_path(at, &last, path) - c->bytes;
  send_bytes(c);
}

static void write_time(client *c) {
  char text[40];
  int last = 0, length = snprintf(text, sizeof text, "%.0f", now_us());
  c->token = tokens++;
  put_payload(c, put_path(put_head(c, PUT), &last, path), text, length);
  send_bytes(c);
}

static void take_notification(const answer *a) {
  char text[40] = {0};
  if (a->length <= 0 || a->length >= (int)sizeof text) return;
  memcpy(text, a->payload, a->length);
  answered++;
  add_delay(now_us() - atof(text));
}

// ---- loops

typedef struct {
  void (*ask)(client *);
  void (*take)(client *, const answer *);
} kind;

static int is_answer(const client *c, const answer *a) {
  if (a->code == 0 || !c->is_waiting) return 0;
  return a->type == ACK ? a->message_id == c->message_id : a->token == c->token;
}

static void receive(client *c, const kind *k) {
  answer a;
  while (next_message(c, &a)) {
    if (!is_answer(c, &a)) continue;
    c->is_waiting = 0;
    answered++;
    k->take(c, &a);
    if (pause_us > 0) c->due_us = now_us() + pause_us;
    else k->ask(c);
  }
}

static void run_closed_loop(client *clients, int count, int epoll, const kind *k, double seconds) {
  double end_us = now_us() + seconds * 1e6, checked_us = now_us();
  for (int i = 0; i < count; i++) k->ask(&clients[i]);
  for (double us = now_us(); us < end_us; us = now_us()) {
    struct epoll_event events[64];
    int ready = epoll_wait(epoll, events, 64, is_spinning ? 0 : pause_us > 0 ? 1 : 20);
    for (int i = 0; i < ready; i++) receive(&clients[events[i].data.u32], k);
    if (pause_us == 0 && us - checked_us < 100000) continue;
    checked_us = us;
    for (int i = 0; i < count; i++) {
      client *c = &clients[i];
      if (c->is_waiting && us - c->sent_us > REPEAT_US) repeats++, send_bytes(c);
      if (!c->is_waiting && pause_us > 0 && us >= c->due_us) k->ask(c);
    }
  }
}

static void receive_notifications(client *clients, int writer, int epoll, int wait_ms) {
  struct epoll_event events[64];
  int ready = epoll_wait(epoll, events, 64, wait_ms);
  for (int i = 0; i < ready; i++) {
    int index = events[i].data.u32;
    client *c = &clients[index];
    answer a;
    while (next_message(c, &a)) {
      if (index == writer || a.code != CONTENT || a.token != c->token) continue;
      if (c->is_waiting && a.type != CON) registered++;
      else take_notification(&a);
      c->is_waiting = 0;
    }
  }
}

static double run_observers(client *clients, int count, int epoll, double rate_hz, double seconds) {
  int writer = count;
  write_time(&clients[writer]);
  for (int i = 0; i < count; i++) {
    ask_observe(&clients[i], 0);
    receive_notifications(clients, writer, epoll, 1);
  }
  for (int i = 0; i < 200 && registered < count; i++) receive_notifications(clients, writer, epoll, 10);
  answered = delays = 0;
  double start_us = now_us(), end_us = start_us + seconds * 1e6, due_us = start_us;
  for (double us = start_us; us < end_us; us = now_us()) {
    if (us >= due_us) write_time(&clients[writer]), due_us += 1e6 / rate_hz;
    double left_ms = (due_us - now_us()) / 1000;
    receive_notifications(clients, writer, epoll, left_ms < 1 ? 0 : (int)left_ms);
  }
  double took_s = (now_us() - start_us) / 1e6;
  long delivered = answered, observers = registered;
  for (int i = 0; i < count; i++) {
    ask_observe(&clients[i], 1);
    receive_notifications(clients, writer, epoll, 1);
  }
  answered = delivered;
  registered = observers;
  return took_s;
}

static int by_size(const void *left, const void *right) {
  float a = *(const float *)left, b = *(const float *)right;
  return a < b ? -1 : a > b;
}

static double percentile(double share) {
  return delays == 0 ? 0 : delays_us[(long)(share * (delays - 1))];
}

static void print_result(double seconds) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
  qsort(delays_us, delays, sizeof *delays_us, by_size);
  printf("{\"seconds\":%.3f,\"answered\":%ld,\"transfers\":%ld,\"bytes\":%.0f,\"registered\":%ld,\"repeats\":%ld,"
         "\"failures\":%ld,\"cpuUs\":%.0f,\"p50Us\":%.1f,\"p99Us\":%.1f}\n",
         seconds, answered, transfers, transferred_bytes, registered, repeats, failures, cpu_us, percentile(0.5),
         percentile(0.99));
}

int main(int count, char **arguments) {
  if (count < 6) return 2;
  const char *mode = arguments[1];
  int clients_wanted = atoi(arguments[3]);
  double seconds = atof(arguments[4]);
  long extra = count > 6 ? atol(arguments[6]) : 0;
  int is_observing = strcmp(mode, "observe") == 0;
  server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(arguments[2]))};
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  path = arguments[5];
  srand(getpid() ^ time(NULL));
  is_spinning = getenv("LOAD_SPIN") != NULL;
  tokens = (uint32_t)rand() << 8;
  delays_us = malloc(MOST_DELAYS * sizeof *delays_us);
  int epoll = epoll_create1(0);
  client *clients = open_clients(clients_wanted + is_observing, epoll);
  if (is_observing) {
    print_result(run_observers(clients, clients_wanted, epoll, extra, seconds));
    return 0;
  }
  kind k = {ask_get, take_get};
  if (strcmp(mode, "block2") == 0) k = (kind){ask_block2, take_block2};
  if (strcmp(mode, "block1") == 0) {
    k = (kind){ask_block1, take_block1};
    body_bytes = extra;
    body = malloc(body_bytes);
    for (long i = 0; i < body_bytes; i++) body[i] = i * 7 + (i >> 8) * 13;
  } else pause_us = extra;
  double start_us = now_us();
  run_closed_loop(clients, clients_wanted, epoll, &k, seconds);
  print_result((now_us() - start_us) / 1e6);
  return 0;
}
