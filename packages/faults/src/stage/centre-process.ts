import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { type HelperProcess, startHelper } from "./helper-process.ts";
import type { Stage } from "./stage.ts";

/** A registry centre in a process of its own, at the same port after each start. */
export class CentreProcess {
  readonly port: number;
  readonly #stage: Stage;
  #process: HelperProcess | undefined;

  private constructor(stage: Stage, port: number) {
    this.#stage = stage;
    this.port = port;
  }

  static async start(stage: Stage): Promise<CentreProcess> {
    const centre = new CentreProcess(stage, await freePort());
    await centre.start("kept");
    return centre;
  }

  /** For SKEIN_REGISTRY. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** @param data wiped: it knows nothing of what was registered before */
  async start(data: "kept" | "wiped"): Promise<void> {
    this.#process = await startHelper(this.#stage, "centre", {
      FAULTS_CENTRE: `127.0.0.1:${this.port}`,
      ...(data === "kept" && { FAULTS_CENTRE_DATA: join(this.#stage.directory, "centre.json") }),
    });
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }
}
