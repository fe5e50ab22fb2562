import { expect, test } from "vitest";
import { addService } from "./services-file.ts";

const add = (text: string) => addService(text, "OrdersService", "./orders.service.js");
const IMPORT = 'import { OrdersService } from "./orders.service.js";';

test("as the scaffold writes it", () => {
  expect(
    add(
      'import { UserService } from "./user.service.js";\n\n/** What. */\nexport const services = [new UserService()];\n',
    ),
  ).toBe(
    `import { UserService } from "./user.service.js";\n${IMPORT}\n\n/** What. */\nexport const services = [new UserService(), new OrdersService()];\n`,
  );
});

test("twice keeps the order", () => {
  const once = add("export const services = [];\n");
  expect(once).toBe(`${IMPORT}\n\nexport const services = [new OrdersService()];\n`);
  expect(addService(once ?? "", "AService", "./a.service.js")).toBe(
    `${IMPORT}\nimport { AService } from "./a.service.js";\n\nexport const services = [new OrdersService(), new AService()];\n`,
  );
});

test("over several lines, with comments, options and brackets in strings", () => {
  const text = `import {
  UserService,
} from './user.service.js'
import "./env.js";

export const services: object[] = [
    new UserService({ tables: ["]", 'it\\'s'] }), // the first ]
    // and more to come ]
];
export const other = [1];
`;
  expect(add(text)).toBe(`import {
  UserService,
} from './user.service.js'
import "./env.js";
${IMPORT}

export const services: object[] = [
    new UserService({ tables: ["]", 'it\\'s'] }), // the first ]
    // and more to come ]
    new OrdersService(),
];
export const other = [1];
`);
});

test("a last item without comma, a closing bracket on its line", () => {
  expect(add("export const services = [\n  a\n];\n")).toBe(
    `${IMPORT}\n\nexport const services = [\n  a,\n  new OrdersService(),\n];\n`,
  );
  expect(add("export const services = [\n  a,\n  b];\n")).toBe(
    `${IMPORT}\n\nexport const services = [\n  a,\n  b, new OrdersService()];\n`,
  );
  expect(add("export const services = [a, /* z ] */];\n")).toBe(
    `${IMPORT}\n\nexport const services = [a, /* z ] */ new OrdersService()];\n`,
  );
  expect(add("export const services = [\n  // none yet\n];\n")).toBe(
    `${IMPORT}\n\nexport const services = [\n  // none yet\n  new OrdersService(),\n];\n`,
  );
});

test("Windows' line ends are kept", () => {
  expect(add('import { A } from "./a.js";\r\nexport const services = [\r\n  new A(),\r\n];\r\n')).toBe(
    `import { A } from "./a.js";\r\n${IMPORT}\r\nexport const services = [\r\n  new A(),\r\n  new OrdersService(),\r\n];\r\n`,
  );
});

test("without such an array there is nothing to add to", () => {
  expect(add("export const all = [];")).toBeUndefined();
  expect(add("export const services = makeThem();")).toBeUndefined();
  expect(add("export const services = [ new A(")).toBeUndefined();
});
