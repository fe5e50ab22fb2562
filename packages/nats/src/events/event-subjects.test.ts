import { describe, expect, test } from "vitest";
import {
  coversSubject,
  durableName,
  eventSubject,
  nameIn,
  patternSubject,
  queueGroup,
} from "./event-subjects.ts";

const FORGED = [
  "",
  ".",
  "user.",
  ".user",
  "user created",
  "user\r\nPUB evil 2\r\nhi",
  "user\n",
  "user.*",
  "user.>",
  "$JS.API.STREAM.DELETE.EVENTS",
  "ü",
  "x".repeat(201),
];

test.each(FORGED)("no event's name: %j", (name) => {
  expect(() => eventSubject("skein", name)).toThrow("cannot be an event's name on NATS");
  expect(nameIn("skein", `skein.events.${name}`)).toBeUndefined();
});

test.each(FORGED.filter((name) => !/^user\.[*>]$/.test(name)))("no pattern: %j", (name) => {
  expect(() => patternSubject("skein", name)).toThrow("cannot be subscribed to on NATS");
});
test.each(["user.>.x", ">.x", "us*r", "user.*>", "**"])("no pattern: %j", (name) => {
  expect(() => patternSubject("skein", name)).toThrow("cannot be subscribed to on NATS");
});

test.each(FORGED)("no queue: %j", (queue) => {
  expect(() => queueGroup(queue, "user")).toThrow("cannot be a queue's name on NATS");
});

test("subjects of names and patterns", () => {
  expect(eventSubject("my.app", "user.created")).toBe("my.app.events.user.created");
  expect(nameIn("my.app", "my.app.events.user.created")).toBe("user.created");
  expect(nameIn("my.app", "other.events.user.created")).toBeUndefined();
  for (const pattern of ["*", ">", "user.*", "*.created", "user.*.>"])
    expect(patternSubject("skein", pattern)).toBe(`skein.events.${pattern}`);
});

test("a group is a queue's own where others may be of it, and apart by pattern where the server would mix them", () => {
  expect(queueGroup("mailer", "user.created")).toBe("mailer");
  expect(queueGroup("mailer", "user.*")).toBe("mailer:user.*");
});

test("names of consumers are safe, can be read, and differ where queue or pattern does", () => {
  const names = [
    ["mailer", "a", "user.created"],
    ["mailer", "a", "user_created"],
    ["mailer.user", "a", "created"],
    ["mailer", "a", "user.*"],
    ["mailer", "b", "user.*"],
    ["mailer", "a", "user.>"],
    ["mailer", "a", "*.created"],
    ["m".repeat(128), "a", "u".repeat(200)],
  ].map(([queue = "", prefix = "", pattern = ""]) => durableName(queue, prefix, pattern));
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,120}$/);
  expect(new Set(names).size).toBe(names.length);
  expect(names[3]).toMatch(/^mailer-user_any-/);
});

describe("whether a stream holds all events", () => {
  test.each(["skein.events.>", "skein.>", "*.events.>", ">"])("%s does", (wide) => {
    expect(coversSubject(wide, "skein.events.>")).toBe(true);
  });
  test.each(["skein.events.*", "skein.events", "skein.events.user.>", "other.events.>", "skein.*"])(
    "%s does not",
    (wide) => {
      expect(coversSubject(wide, "skein.events.>")).toBe(false);
    },
  );
});
