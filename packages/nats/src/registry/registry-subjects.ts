import { checkToken } from "../subjects.ts";

/** Subjects of the registry under `prefix`, of one namespace. Names have dots, and "$" stands for them: it is in no name. */
export interface RegistrySubjects {
  /** Where whoever serves it says so, and goodbye. */
  said(service: string): string;
  /** Where whoever serves it is asked who it is. */
  asked(service: string): string;
  /** Where everybody is asked. */
  readonly askedAll: string;
  /** What to subscribe to for answers to `process`. */
  answers(process: string): string;
  answer(process: string, question: number): string;
  /** Where a consumer of JetStream delivers to `process`. */
  delivered(process: string, consumer: number): string;
  /** Whether it is a subject for answers: nothing is published to another that a peer has named. */
  isAnswer(subject: string | undefined): subject is string;
  /** The number of the question that an answer belongs to; -1 where there is none. */
  questionIn(subject: string): number;
}

/** Throws an Error that shows a prefix or namespace that cannot be part of a subject. */
export function registrySubjects(prefix: string, namespace: string | undefined): RegistrySubjects {
  const group = namespace === undefined ? "_" : `n-${tokenOf(namespace, "namespace")}`;
  const base = `${prefix}.registry.${group}.`;
  const answers = new RegExp(`^${base.replace(/[.$]/g, "\\$&")}answer\\.[A-Za-z0-9_-]{1,128}\\.[0-9]{1,15}$`);
  const own = (process: string): string => `${base}answer.${checkToken(process, "name of a process")}.`;
  return {
    said: (service) => `${base}said.${tokenOf(service, "name of a service")}`,
    asked: (service) => `${base}asked.${tokenOf(service, "name of a service")}`,
    askedAll: `${base}asked-all`,
    answers: (process) => `${own(process)}*`,
    answer: (process, question) => own(process) + question,
    delivered: (process, consumer) =>
      `${base}delivered.${checkToken(process, "name of a process")}.${consumer}`,
    isAnswer: (subject): subject is string => subject !== undefined && answers.test(subject),
    questionIn(subject) {
      const question = subject.slice(subject.lastIndexOf(".") + 1);
      return answers.test(subject) ? Number(question) : -1;
    },
  };
}

function tokenOf(name: string, what: string): string {
  if (name.includes("$")) throw new Error(`${JSON.stringify(name)} is no ${what}: it has a "$"`);
  return checkToken(name.replaceAll(".", "$"), what);
}
