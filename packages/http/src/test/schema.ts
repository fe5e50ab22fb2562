import type { StandardSchema } from "@skein/core";

/** A schema without a library: `json` is what it tells of itself, `fits` what it checks. */
export function schemaOf<T>(json: object, fits: (value: any) => boolean): StandardSchema<T> {
  const told = () => ({ $schema: "https://json-schema.org/draft/2020-12/schema", ...json });
  return {
    "~standard": {
      version: 1,
      vendor: "by-hand",
      validate: (value: unknown) =>
        fits(value) ? { value: value as T } : { issues: [{ message: "it does not fit", path: ["id"] }] },
      jsonSchema: { input: told, output: told },
    } as StandardSchema<T>["~standard"],
  };
}
