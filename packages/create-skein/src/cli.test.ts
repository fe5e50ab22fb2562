import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CreateIo, runCreate } from "./cli.ts";
import { Refusal } from "./refusal.ts";
import { ownVersion } from "./versions.ts";

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "create-skein-"));
});
afterEach(() => rm(cwd, { recursive: true }));

async function create(argv: readonly string[], ask?: CreateIo["ask"]) {
  let stdout = "";
  let stderr = "";
  const code = await runCreate(argv, {
    cwd,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    ask,
  });
  return { code, stdout, stderr };
}
const read = (path: string) => readFileSync(join(cwd, path), "utf8");

describe("what it writes", () => {
  test("a whole project", async () => {
    const { code, stdout, stderr } = await create(["shop"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(readdirSync(join(cwd, "shop"), { recursive: true }).sort()).toEqual([
      ".dockerignore",
      ".gitignore",
      "Dockerfile",
      "README.md",
      "package.json",
      "src",
      "src/client.ts",
      "src/main.ts",
      "src/services.ts",
      "src/user.contract.ts",
      "src/user.service.ts",
      "test",
      "test/user.service.test.ts",
      "tsconfig.build.json",
      "tsconfig.json",
      "vitest.config.ts",
    ]);
    expect(stdout).toMatch(
      /^shop: 14 files\n(.|\n)*Next:\n {2}cd shop\n {2}npm install\n {2}npm test\n {2}npm start\n$/,
    );
    expect(read("shop/src/main.ts").split("\n").length).toBeLessThanOrEqual(12);
    expect(read("shop/Dockerfile")).toContain("package-lock.json ./\nRUN npm ci\n");
    expect(read("shop/src/user.service.ts")).toContain(
      '@Service("user", { version: "1.0.0" })\nexport class UserService',
    );
  });

  test("its manifest asks the registry for our own version", async () => {
    await create(["shop", "--name", "@acme/shop"]);
    const manifest = JSON.parse(read("shop/package.json"));
    expect(manifest).toMatchObject({
      name: "@acme/shop",
      private: true,
      type: "module",
      engines: { node: ">=20.19.0" },
      dependencies: { skein: `^${ownVersion()}` },
    });
    expect(Object.keys(manifest.dependencies)).toEqual(["skein"]);
    expect(Object.keys(manifest.devDependencies)).toEqual([
      "@skein/cli",
      "@skein/testing",
      "@types/node",
      "pino-pretty",
      "tsx",
      "typescript",
      "vitest",
    ]);
    expect(manifest).not.toHaveProperty("overrides");
  });

  test("with packages from files, direct ones are replaced and the others overridden", async () => {
    const packages = {
      skein: "file:vendor/s.tgz",
      "@skein/cli": "file:vendor/c.tgz",
      "@skein/core": "file:vendor/k.tgz",
    };
    const io = { cwd, stdout: () => {}, stderr: () => {} };
    let packedInto: string | undefined;
    const afterwards = (folder: string) => {
      expect(existsSync(join(folder, "package.json"))).toBe(true);
      packedInto = folder;
    };
    expect(await runCreate(["shop"], io, { packages, afterwards })).toBe(0);
    expect(packedInto).toBe(join(cwd, "shop"));
    const manifest = JSON.parse(read("shop/package.json"));
    expect(manifest.dependencies).toEqual({ skein: "file:vendor/s.tgz" });
    expect(manifest.devDependencies["@skein/cli"]).toBe("file:vendor/c.tgz");
    expect(manifest.overrides).toEqual({ "@skein/core": "file:vendor/k.tgz" });
    expect(read("shop/Dockerfile")).toContain("COPY vendor ./vendor\nRUN npm ci\n");
  });

  test("--service names everything of it, and no placeholder is left", async () => {
    await create(["shop", "--service", "line-items"]);
    const files = readdirSync(join(cwd, "shop"), { recursive: true, withFileTypes: true }).filter((f) =>
      f.isFile(),
    );
    for (const file of files) {
      const text = readFileSync(join(file.parentPath, file.name), "utf8");
      expect(`${file.name}\n${text}`).not.toMatch(/__[a-zA-Z]+__/);
    }
    expect(read("shop/src/services.ts")).toContain(
      'import { LineItemsService } from "./line-items.service.js";',
    );
    expect(read("shop/src/client.ts")).toContain(
      'const lineItems = client.service<LineItemsContract>("line-items");',
    );
    expect(read("shop/src/line-items.contract.ts")).toContain(
      "getLineItem(input: { id: string }): Promise<LineItem>;",
    );
  });

  test("an odd folder name becomes a package name; . is the folder itself; a fresh repository is fine", async () => {
    const { stdout } = await create(["My Shop"]);
    expect(JSON.parse(read("My Shop/package.json")).name).toBe("my-shop");
    expect(stdout).toContain('  cd "My Shop"\n');
    mkdirSync(join(cwd, "repo/.git"), { recursive: true });
    expect((await create(["repo"])).code).toBe(0);
  });

  test("--yes without a folder takes the default", async () => {
    expect((await create(["--yes"])).code).toBe(0);
    expect(existsSync(join(cwd, "skein-app/src/user.service.ts"))).toBe(true);
  });
});

describe("what it refuses", () => {
  test.each([
    [["shop", "--yess"], 2, /unknown option '--yess'\n\(Did you mean --yes\?\)/],
    [["shop", "extra"], 2, /too many arguments/],
    [["shop", "--name"], 2, /option '--name <name>' argument missing/],
    [["shop", "--service", "My Orders"], 2, /"My Orders" is no service name.*Try my-orders\./],
    [["shop", "--name", "Shop!"], 2, /"Shop!" is no package name.*Try --name shop\./],
    [[], 2, /Name the project's folder, as in: npm create skein@latest shop/],
  ])("%j", async (argv, code, message) => {
    const result = await create(argv);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(code);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("a folder with something in it, naming what", async () => {
    mkdirSync(join(cwd, "shop"));
    for (const name of ["a", "b", "c", "d", "e", "f", "g"]) writeFileSync(join(cwd, "shop", name), "mine");
    const { code, stderr } = await create(["shop"]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      "shop is not empty: a, b, c, d, e and 2 more. Nothing was written; name a new or an empty folder.\n",
    );
    expect(readdirSync(join(cwd, "shop")).length).toBe(7);
  });

  test("a file where the folder should be", async () => {
    writeFileSync(join(cwd, "shop"), "mine");
    expect(await create(["shop"])).toMatchObject({ code: 1, stderr: "shop is a file. Name a new folder.\n" });
    expect(read("shop")).toBe("mine");
  });
});

describe("questions", () => {
  test("asks what was not given, again after a wrong name", async () => {
    const answers = ["shop", "No Good", "orders"];
    const asked: string[] = [];
    const { code, stderr } = await create([], async (question, proposal) => {
      asked.push(`${question} ${proposal}`);
      return answers.shift() ?? "";
    });
    expect(code).toBe(0);
    expect(asked).toEqual([
      "Where shall the project go? skein-app",
      "What is its first service called? user",
      "What is its first service called? user",
    ]);
    expect(stderr).toMatch(/"No Good" is no service name/);
    expect(existsSync(join(cwd, "shop/src/orders.service.ts"))).toBe(true);
  });

  test("asks nothing with --yes or when all is given", async () => {
    const ask = () => Promise.reject(new Error("asked"));
    expect((await create(["a", "--yes"], ask)).code).toBe(0);
    expect((await create(["b", "--service", "user"], ask)).code).toBe(0);
  });

  test("a person who leaves", async () => {
    const result = await create([], () =>
      Promise.reject(new Refusal("Cancelled; nothing was written.", 130)),
    );
    expect(result).toEqual({ code: 130, stdout: "", stderr: "Cancelled; nothing was written.\n" });
  });
});

test("--help and --version", async () => {
  const help = await create(["--help"]);
  expect(help.code).toBe(0);
  expect(help.stdout).toContain("npm create skein@latest shop");
  expect(help.stdout).toContain("--service <name>");
  expect(await create(["--version"])).toEqual({ code: 0, stdout: `${ownVersion()}\n`, stderr: "" });
});
