import { expect, test } from "vitest";
import { eventNameFault, eventPatternFault, eventQueueFault, takesEvent } from "./event-names.ts";

const good = ["user", "user.created", "User.created_at-2", "a.b.c.d", "x".repeat(200)];
const bad = [
  "",
  ".",
  "user.",
  ".user",
  "user..created",
  "user created",
  "user.created\r\nPUB x 0",
  "user.\tcreated",
  "$SRV.PING",
  "$JS.API",
  "naïve",
  "a/b",
  "a:b",
  "x".repeat(201),
  undefined,
  42,
  null,
];

test.each(good)("%j is a name", (name) => {
  expect(eventNameFault(name)).toBeUndefined();
  expect(eventPatternFault(name)).toBeUndefined();
});

test.each(bad)("%j is none", (name) => {
  expect(eventNameFault(name)).toMatch(/cannot be an event's name: use/);
  expect(eventPatternFault(name)).toMatch(/cannot be subscribed to: use/);
  expect(eventQueueFault(name)).toMatch(/cannot be a queue's name: use/);
});

test("a forged name is shown escaped, on one line", () => {
  expect(eventNameFault("a\r\nPUB x")).toContain('"a\\r\\nPUB x"');
});

test.each(["*", ">", "user.*", "*.created", "user.>", "a.*.c.>"])(
  "%j is a pattern and no name",
  (pattern) => {
    expect(eventPatternFault(pattern)).toBeUndefined();
    expect(eventNameFault(pattern)).toBeDefined();
    expect(eventQueueFault(pattern)).toBeDefined();
  },
);

test.each(["user*", "user.>.x", "user.**", "user.>>", "*user"])("%j is no pattern", (pattern) => {
  expect(eventPatternFault(pattern)).toBeDefined();
});

test.each([
  ["user.created", "user.created", true],
  ["user.created", "user.Created", false],
  ["user.*", "user.created", true],
  ["user.*", "user", false],
  ["user.*", "user.a.b", false],
  ["user.>", "user.a.b", true],
  ["user.>", "user", false],
  [">", "user", true],
  ["*.*", "a.b", true],
  ["a.*.c", "a.b.d", false],
])("%s takes %s: %s", (pattern, name, taken) => {
  expect(takesEvent(pattern, name)).toBe(taken);
});
