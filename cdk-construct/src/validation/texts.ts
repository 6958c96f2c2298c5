/** Texts of messages: quoted values and places. */

import { LIMITS } from '../schema.generated';

/** A user's value as it appears in a message. */
export function quoted(text: string): string {
  return `\`${printable(text)}\``;
}

/** `a, b or c` */
export function oneOf(words: ReadonlyArray<string | number>): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** JSON Pointer (RFC 6901) to a member. A name that a user made up is shortened like any quoted value. */
export function memberOf(pointer: string, name: string): string {
  return `${pointer}/${printable(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** What a value is, without saying what is in it. */
export function kindOf(value: unknown): string {
  if (value === null) {
    return 'null';
  }
  if (Array.isArray(value)) {
    return 'a list';
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** One line of a bounded number of characters, and a mark that something was cut. */
function printable(text: string): string {
  const characters = [...text];
  const line = characters.slice(0, LIMITS.QUOTED_LENGTH_MAX).join('').replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd');
  return characters.length > LIMITS.QUOTED_LENGTH_MAX ? `${line}…` : line;
}
