import { Command, InvalidArgumentError } from "commander";
import type { OpenBackplane } from "./backplane.ts";
import { type CommonFlags, openOptions, type Session } from "./command.ts";
import { bench } from "./commands/bench.ts";
import { call } from "./commands/call.ts";
import { describe } from "./commands/describe.ts";
import { GATEWAY_LISTEN, type GatewayFlags, gateway } from "./commands/gateway.ts";
import { list } from "./commands/list.ts";
import { newService } from "./commands/new.ts";
import { LISTEN, type RegistryFlags, registry } from "./commands/registry.ts";
import { watch } from "./commands/watch.ts";
import type { ExitCode } from "./exit.ts";
import {
  type CallFlags,
  callOptions,
  durationMs,
  wholeNumber,
  withCallFlags,
  withCommonFlags,
} from "./flags.ts";
import type { CliIo } from "./io.ts";
import { paintFor } from "./paint.ts";

export interface ProgramOptions {
  readonly io: CliIo;
  readonly open: OpenBackplane;
  readonly version: string;
  /** Called once with how the command ended. */
  readonly onExit: (code: ExitCode) => void;
}

interface BenchFlags extends CallFlags {
  readonly concurrency: number;
  readonly duration: number;
  readonly force?: true;
}

/** The command line: which commands there are, their flags and their help. */
export function createProgram({ io, open, version, onExit }: ProgramOptions): Command {
  const program = new Command("skein")
    .description("Looks at the services of a registry, and calls them.")
    .version(version, "-V, --version")
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .showHelpAfterError("Run with --help to see what there is.")
    .exitOverride()
    .addHelpText("after", HELP);

  /** Opens the registry, runs the command and closes it again. */
  const withSession =
    <Args extends readonly unknown[], Flags extends CommonFlags>(
      run: (session: Session, args: Args, flags: Flags) => Promise<ExitCode>,
    ) =>
    async (...given: readonly unknown[]): Promise<void> => {
      const flags = given.at(-2) as Flags;
      const args = given.slice(0, -2) as unknown as Args;
      await using backplane = await open(openOptions(flags, io.env));
      const paint = paintFor(io.stdout, io.env);
      onExit(await run({ io, backplane, paint, json: flags.json === true }, args, flags));
    };

  withCommonFlags(program.command("list"))
    .description("services, their versions and how many instances they have")
    .addHelpText("after", "\nExamples:\n  skein list\n  skein list --registry etcd://127.0.0.1:2379 --json")
    .action(withSession<[], CommonFlags>((session) => list(session)));

  withCallFlags(program.command("describe"))
    .description("methods, schemas and instances of a service")
    .argument("<service>")
    .addHelpText("after", "\nExamples:\n  skein describe user\n  skein describe user --version ^2 --json")
    .action(
      withSession<[string], CommonFlags & CallFlags>((session, [service], flags) =>
        describe(session, service, callOptions(flags)),
      ),
    );

  withCallFlags(program.command("call"))
    .description("calls a method and prints its answer; a stream prints an item a line")
    .argument("<service>")
    .argument("<method>")
    .argument(
      "[json]",
      "input: JSON, @file, or - for the standard input; streams of input take an array or a value a line",
    )
    .addHelpText("after", CALL_HELP)
    .action(
      withSession<[string, string, string | undefined], CommonFlags & CallFlags>(
        (session, [service, method, input], flags) =>
          call(session, service, method, input, callOptions(flags)),
      ),
    );

  withCommonFlags(program.command("watch"))
    .description("a line for each instance that comes, changes or goes")
    .argument("[service]", "(default: all)")
    .addHelpText("after", "\nExamples:\n  skein watch\n  skein watch user --json | jq .event")
    .action(withSession<[string | undefined], CommonFlags>((session, [service]) => watch(session, service)));

  withCallFlags(program.command("bench"))
    .description("calls a unary method over and over: rate, latencies, failures")
    .argument("<service>")
    .argument("<method>")
    .argument("[json]", "input of each call: JSON, @file, or - for the standard input")
    .option("-c, --concurrency <n>", "callers, each with one call in flight", wholeNumber("callers"), 16)
    .option("-d, --duration <time>", "for how long: 10s, 500ms, 2m (default: 5s)", durationMs, 5000)
    .option("--force", "calls a method that is not idempotent all the same")
    .addHelpText(
      "after",
      `\nExamples:\n  skein bench user getUser '{"id":"42"}'\n  skein bench user getUser @input.json -c 64 -d 30s --json`,
    )
    .action(
      withSession<[string, string, string | undefined], CommonFlags & BenchFlags>(
        (session, [service, method, input], flags) =>
          bench(session, service, method, input, {
            ...callOptions(flags),
            concurrency: flags.concurrency,
            durationMs: flags.duration,
            force: flags.force === true,
          }),
      ),
    );

  program
    .command("registry")
    .description("serves a registry over HTTP, for teams without etcd or Consul")
    .option("--listen <host:port>", "where it listens", hostAndPort, LISTEN)
    .option(
      "--token <token>",
      "whoever asks must send it (default: $SKEIN_REGISTRY_TOKEN, which ps does not show)",
    )
    .option("--data <file>", "keeps its state there over a restart")
    .option("--json", "prints where it listens as JSON")
    .addHelpText("after", REGISTRY_HELP)
    .action(async (flags: RegistryFlags) => onExit(await registry(io, flags)));

  withCommonFlags(program.command("gateway"))
    .description("serves HTTP/JSON for the services of a registry: /service/method")
    .option("--listen <host:port>", "where it listens", hostAndPort, GATEWAY_LISTEN)
    .option("--service <names>", "only these, separated by commas (default: all)", names)
    .option("--cors <origins>", "pages that may call, separated by commas, or * (default: none)", names)
    .addHelpText("after", GATEWAY_HELP)
    .action(async (flags: GatewayFlags) => onExit(await gateway(io, flags)));

  program
    .command("new")
    .description("adds to the project in this folder")
    .command("service")
    .description("a contract, a class, its test and its start-up line; overwrites nothing")
    .argument("<name>", "lower-case words joined by -, as line-items")
    .addHelpText("after", "\nExample:\n  skein new service orders")
    .action(async (name: string) => onExit(await newService(io, name)));

  return program;
}

function hostAndPort(text: string): string {
  const [, port] = /^.+:(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError(`A host and a port such as ${LISTEN} are expected.`);
  return text;
}

function names(text: string): readonly string[] {
  const given = text.split(",").map((name) => name.trim());
  if (given.some((name) => name === ""))
    throw new InvalidArgumentError("Names separated by commas are expected.");
  return given;
}

const GATEWAY_HELP = `
Examples:
  skein gateway --registry etcd://127.0.0.1:2379 --listen 0.0.0.0:8080
  skein gateway --service user,order --cors https://app.example
  curl --json '{"id":"42"}' http://127.0.0.1:8080/user/getUser
  curl http://127.0.0.1:8080/openapi.json

SIGTERM: takes no more connections, finishes what runs, exits with 0.
Callers' \`authorization\` goes to the services. Services that want credentials are asked what they offer with $SKEIN_GATEWAY_TOKEN.`;

const REGISTRY_HELP = `
Examples:
  skein registry --data /var/lib/skein/registry.json
  SKEIN_REGISTRY_TOKEN=… skein registry --listen 0.0.0.0:8800 --data registry.json
  curl -d name=arith -d addr=127.0.0.1:1234 http://127.0.0.1:8800/register
  curl http://127.0.0.1:8800/services
  skein list --registry http://127.0.0.1:8800`;

const CALL_HELP = `
Examples:
  skein call user getUser '{"id":"42"}'
  skein call user getUser @input.json --timeout 500 --metadata tenant=acme
  echo '{"id":"42"}' | skein call user getUser -
  skein call user watchUsers --json | head -1`;

const HELP = `
Examples:
  skein list
  skein describe user
  skein call user getUser '{"id":"42"}'
  skein watch
  skein bench user getUser '{"id":"42"}'
  skein new service orders
  skein registry
  skein gateway

Registry: $SKEIN_REGISTRY and $SKEIN_NAMESPACE, or --registry and --namespace after the command.
With --json, answers are JSON on the standard output and errors are JSON on the standard error.
Colours: on a terminal only, and not with NO_COLOR.

Exit codes: 0 done, 1 a call failed or what was asked for is not there, 2 wrong usage, 130 ended by Ctrl-C.`;
