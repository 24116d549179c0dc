// Counts what was checked, as checks.py does: one line each, a sum at the end.

import { isDeepStrictEqual, inspect } from "node:util";

let passed = 0;
let failed = 0;

export function check(sentence, holds, detail) {
  if (holds) {
    passed += 1;
    console.log(`ok - ${sentence}`);
  } else {
    failed += 1;
    console.log(`not ok - ${sentence}`);
    if (detail !== undefined) console.log(`    ${typeof detail === "string" ? detail : inspect(detail, { depth: 5 })}`);
  }
  return Boolean(holds);
}

export function same(sentence, got, want) {
  return check(sentence, isDeepStrictEqual(got, want), `got  ${inspect(got)}\n    want ${inspect(want)}`);
}

// The call is refused with OAuth's `error`, wherever the library read it; gives what was thrown.
export async function refused(sentence, error, call) {
  try {
    const answer = await call();
    check(sentence, false, `was not refused: ${inspect(answer)}`);
  } catch (thrown) {
    // A challenge in a header may leave it to the body to say what is wrong.
    const challenge = thrown.cause?.[0]?.parameters;
    const told = thrown.error ?? challenge?.error ?? (challenge ? (await thrown.response.json()).error : thrown.code);
    check(sentence, told === error, thrown);
    return thrown;
  }
}

// Groups checks; one that breaks off counts as failed and the next is still told.
export async function story(title, tell) {
  console.log(`# ${title}`);
  try {
    await tell();
  } catch (error) {
    check(`the story is told to its end: ${title}`, false, error);
  }
}

export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed || !passed ? 1 : 0;
}
