import { expect, test } from "vitest";
import { rawMember } from "./raw-member.ts";
import { randomObject, seeded } from "./test/random-json.ts";

test.each([
  ['{"id":18446744073709551615}', "18446744073709551615"],
  ['{"params":[{"id":1}],"id":2}', "2"],
  ['{"id":1.0,"params":[{"id":"}"}]}', "1.0"],
  [' {\n "method" : "a\\"id\\":7", "id" : -1e400 , "x":{"id":3} } ', "-1e400"],
  ['{"id":1,"id":2}', "2"],
  ['{"id":{"a":[9007199254740993,"]"]}}', '{"a":[9007199254740993,"]"]}'],
  ['{"\\u0069d":5}', "5"],
  ['{"x\\"id":5}', undefined],
  ['{"id":null}', "null"],
  ['{"id":"\\u00e9"}', '"\\u00e9"'],
  ["{}", undefined],
])("of %s it is %s", (json, id) => expect(rawMember(json, "id")).toBe(id));

test("whatever object: the text means the member", () => {
  for (let seed = 0; seed < 300; seed++) {
    const json = JSON.stringify(randomObject(seeded(seed)), null, seed % 2);
    const value = JSON.parse(json) as Record<string, unknown>;
    for (const key of Object.keys(value))
      expect(JSON.parse(rawMember(json, key) as string), `seed ${seed}`).toEqual(value[key]);
  }
});
