import { expect, test } from "vitest";
import { editDistance } from "../../../../src/shared/text/edit-distance.ts";

test.each([
  [[], [], 0],
  [[], [1, 2], 2],
  [[1, 2, 3], [], 3],
  [[1, 2, 3], [1, 2, 3], 0],
  [[1, 2, 3], [1, 4, 3], 1],
  [[1, 2, 3], [2, 3], 1],
  [[1, 2], [2, 1], 2],
  [[..."мама"], [..."рамка"], 2],
])("%j and %j are %i edits apart", (a, b, edits) => {
  expect(editDistance(a, b)).toBe(edits);
  expect(editDistance(b, a)).toBe(edits);
});
