import { Command, CommanderError } from "commander";
import { type CreatedProject, createProject, DEFAULT_SERVICE } from "./create-project.ts";
import { projectName, serviceNames } from "./names.ts";
import { Refusal } from "./refusal.ts";
import { ownVersion } from "./versions.ts";

/** What the command reads and writes. */
export interface CreateIo {
  readonly cwd: string;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Asks a person; undefined where nobody is there to answer. Rejects with Refusal (130) when they leave. */
  readonly ask?: ((question: string, proposal: string) => Promise<string>) | undefined;
}

export interface CreateExtras {
  /** See ProjectOptions. */
  readonly packages?: Readonly<Record<string, string>> | undefined;
  /** Called with the folder once the files are written. */
  readonly afterwards?: ((folder: string) => void) | undefined;
}

interface Flags {
  readonly yes?: true;
  readonly name?: string;
  readonly service?: string;
}

const DEFAULT_DIRECTORY = "skein-app";

/** Runs `create-skein` with the arguments after its name. Returns the exit code: 0, 1 in the way, 2 wrong usage, 130 cancelled. */
export async function runCreate(
  argv: readonly string[],
  io: CreateIo,
  extras: CreateExtras = {},
): Promise<number> {
  let exitCode = 0;
  const program = new Command("create-skein")
    .description("Writes a Skein project: a service with its test, a client, a Dockerfile.")
    .usage("[directory] [options]\n       npm create skein@latest [directory] -- [options]")
    .argument("[directory]", "where the project goes: a new or an empty folder")
    .option(
      "-y, --yes",
      `asks nothing and takes the defaults (directory ${DEFAULT_DIRECTORY}, service ${DEFAULT_SERVICE})`,
    )
    .option("--name <name>", "npm package name (default: the folder's name)")
    .option("--service <name>", `first service (default: ${DEFAULT_SERVICE})`)
    .version(ownVersion(), "-V, --version")
    .addHelpText("after", HELP)
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .showHelpAfterError("Run with --help to see what there is.")
    .exitOverride()
    .action(async (directory: string | undefined, flags: Flags) => {
      const answers = await complete(directory, flags, io);
      const project = await createProject({ ...answers, cwd: io.cwd, packages: extras.packages });
      extras.afterwards?.(project.folder);
      io.stdout(summary(project, answers.directory));
    });
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof Refusal) {
      io.stderr(`${error.message}\n`);
      exitCode = error.exitCode;
    } else if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? 0 : 2;
    else throw error;
  }
  return exitCode;
}

const HELP = `
Examples:
  npm create skein@latest shop
  npm create skein@latest shop -- --service orders --yes

Exit codes: 0 written, 1 something is in the way, 2 wrong usage, 130 cancelled.`;

interface Answers {
  readonly directory: string;
  readonly name?: string | undefined;
  readonly service?: string | undefined;
}

async function complete(directory: string | undefined, flags: Flags, io: CreateIo): Promise<Answers> {
  if (flags.name !== undefined) projectName(flags.name);
  if (flags.service !== undefined) serviceNames(flags.service);
  if (flags.yes !== true && io.ask !== undefined) {
    return {
      directory: directory ?? (await io.ask("Where shall the project go?", DEFAULT_DIRECTORY)),
      name: flags.name,
      service: flags.service ?? (await askService(io.ask, io.stderr)),
    };
  }
  if (directory === undefined && flags.yes !== true)
    throw new Refusal("Name the project's folder, as in: npm create skein@latest shop", 2);
  return { directory: directory ?? DEFAULT_DIRECTORY, name: flags.name, service: flags.service };
}

async function askService(
  ask: NonNullable<CreateIo["ask"]>,
  complain: (text: string) => void,
): Promise<string> {
  for (;;) {
    const answer = await ask("What is its first service called?", DEFAULT_SERVICE);
    try {
      return serviceNames(answer).name;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      complain(`${error.message}\n`);
    }
  }
}

function summary(project: CreatedProject, directory: string): string {
  const files = project.files.map((file) => `  ${file}\n`).join("");
  const enter =
    directory === "." ? "" : `  cd ${/[^\w./-]/.test(directory) ? JSON.stringify(directory) : directory}\n`;
  return `${project.name}: ${project.files.length} files\n${files}\nNext:\n${enter}  npm install\n  npm test\n  npm start\n`;
}
