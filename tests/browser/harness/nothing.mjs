// A list of what is wrong has to be empty; if it is not, all of it is told.
import assert from 'node:assert/strict';

export function nothing(told) {
  if (told.length > 0) assert.fail(`${told.length} findings\n${[...new Set(told)].join('\n')}`);
}
