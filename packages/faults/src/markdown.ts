import { complaints, type ScenarioResult, show } from "./run.ts";
import { holds } from "./scenario.ts";

/** The table of a run. */
export function markdown(results: readonly ScenarioResult[], full: boolean): string {
  const lines = results.map((result) => {
    const { name, fault, outcome, control, skipped, error, seconds } = result;
    const bad = complaints(result, full).length > 0;
    const said = skipped !== undefined ? `skipped: ${skipped}` : bad ? "FAILED" : "ok";
    const findings = (outcome?.findings ?? []).map(
      (f) => `${f.what} ${show(f)}${holds(f) ? "" : " **missed**"}`,
    );
    const found = (control?.found ?? []).map((f) => `${f.what} ${show(f)}`);
    return [
      `${fault} (\`${name}\`)`,
      said,
      `${outcome?.n ?? 0}`,
      error === undefined ? findings.join("; ") : "it did not run",
      control === undefined ? "" : `${control.off}: ${found.join("; ") || "nothing (**does not bite**)"}`,
      `${Math.round(seconds)} s`,
    ];
  });
  const head = ["fault", "", "n", "found", "control: what is off, and what then fails", "took"];
  const rows = [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  return `${rows.join("\n")}\n`;
}
