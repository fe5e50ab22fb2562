import type { ServiceNames } from "./names.ts";
import { type PlannedFile, renderTemplate } from "./templates.ts";
import { ownVersion, TOOL_VERSIONS } from "./versions.ts";

export interface ProjectOptions {
  /** npm package name. */
  readonly name: string;
  /** Of its first service. */
  readonly service: ServiceNames;
  /**
   * Where Skein's packages are taken from while they are not on a registry: specs by package name, all those that the three direct ones
   * need included (`{ "@skein/core": "file:vendor/skein-core-0.1.0.tgz" }`). @default the registry, this package's version
   */
  readonly packages?: Readonly<Record<string, string>> | undefined;
}

const DIRECT = {
  skein: "dependencies",
  "@skein/cli": "devDependencies",
  "@skein/testing": "devDependencies",
} as const;

/** Every file of a new project. Pure but for reading the templates. */
export function planProject(options: ProjectOptions): PlannedFile[] {
  const values = {
    ...options.service,
    project: options.name,
    copyVendor: options.packages === undefined ? "" : "COPY vendor ./vendor\n",
  };
  return [
    { path: "package.json", text: `${JSON.stringify(manifest(options), null, 2)}\n` },
    ...renderTemplate("project", values),
    ...renderTemplate("service", values),
  ];
}

function manifest({ name, packages }: ProjectOptions): object {
  const skein = (kind: "dependencies" | "devDependencies"): Record<string, string> =>
    Object.fromEntries(
      Object.entries(DIRECT)
        .filter(([, where]) => where === kind)
        .map(([dependency]) => [dependency, packages?.[dependency] ?? `^${ownVersion()}`]),
    );
  const indirect = Object.fromEntries(
    Object.entries(packages ?? {}).filter(([dependency]) => !(dependency in DIRECT)),
  );
  return {
    name,
    version: "0.1.0",
    private: true,
    type: "module",
    engines: { node: ">=20.19.0" },
    scripts: {
      prestart: "npm run --silent build",
      start: "node dist/main.js",
      dev: "tsx watch src/main.ts",
      client: "tsx src/client.ts",
      test: "vitest run",
      build: "tsc -p tsconfig.build.json",
      typecheck: "tsc",
    },
    dependencies: skein("dependencies"),
    devDependencies: sorted({ ...skein("devDependencies"), ...TOOL_VERSIONS }),
    ...(Object.keys(indirect).length > 0 && { overrides: sorted(indirect) }),
  };
}

function sorted(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
