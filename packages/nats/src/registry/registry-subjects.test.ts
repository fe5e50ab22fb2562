import { expect, test } from "vitest";
import { isSubject } from "../subjects.ts";
import { registrySubjects } from "./registry-subjects.ts";

const subjects = registrySubjects("skein", undefined);

test("a subject for each service, in a namespace of its own", () => {
  expect(subjects.said("user")).toBe("skein.registry._.said.user");
  expect(subjects.asked("user.admin")).toBe("skein.registry._.asked.user$admin");
  const spaced = registrySubjects("a.b", "team-a.b_c");
  expect(spaced.said("user")).toBe("a.b.registry.n-team-a$b_c.said.user");
  const longest = registrySubjects("p".repeat(64), "n".repeat(63)).asked("s".repeat(63));
  expect(isSubject(longest)).toBe(true);
  expect(registrySubjects("skein", "_").askedAll).not.toBe(subjects.askedAll);
});

test.each(["", "a b", "a\r\nPUB evil 0", "*", ">", "a.>", "a$b", "ü", "x".repeat(129)])(
  "%j is refused as a service, a namespace and a process",
  (name) => {
    expect(() => subjects.said(name)).toThrow("is no name of a service");
    expect(() => subjects.asked(name)).toThrow("is no name of a service");
    expect(() => registrySubjects("skein", name)).toThrow("is no namespace");
    if (name !== "a$b") expect(() => subjects.answers(name)).toThrow("is no name of a process");
  },
);

test("answers go to subjects for answers only", () => {
  const answer = subjects.answer("p-1", 42);
  expect(subjects.isAnswer(answer)).toBe(true);
  expect(subjects.questionIn(answer)).toBe(42);
  expect(subjects.answers("p-1")).toBe(answer.replace(/42$/, "*"));
  const others = [
    undefined,
    "",
    "evil",
    subjects.said("user"),
    `${answer}.x`,
    `${answer} 0\r\nPUB evil 0`,
    "skein.registry._.answer.p-1.*",
    "skeinxregistryx_xanswerxp-1x42",
    registrySubjects("skein", "other").answer("p-1", 42),
  ];
  for (const other of others) expect(subjects.isAnswer(other), other).toBe(false);
  expect(subjects.questionIn("evil.42")).toBe(-1);
});
