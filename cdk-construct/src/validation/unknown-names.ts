/** What to say about a property that does not exist: most are slips, and the nearest name helps. */

import type { Shape } from './shape';
import { PROPERTIES } from '../schema.generated';
import { quoted } from './texts';

/** Letters that are enough to recognise a name by its beginning. */
const SHORTENED_LENGTH_MIN = 3;

/**
 * Why each of `names`, found in the object at `place`, is refused. `known` are the object's names: where no other help is
 * at hand they are listed, once.
 */
export function explain(names: readonly string[], known: readonly string[], place: string): Array<[string, string]> {
  let list = `: expected one of ${known.map(quoted).join(', ')}`;
  return names.map((name) => {
    const likely = hint(name, known, place);
    if (likely !== undefined) {
      return [name, likely];
    }
    const problem = `is not a property${list}`;
    list = '';
    return [name, problem];
  });
}

/** What was probably meant. */
function hint(name: string, known: readonly string[], place: string): string | undefined {
  const lower = name.toLowerCase();
  const sameLetters = known.find((other) => other.toLowerCase() === lower);
  if (sameLetters !== undefined) {
    return `is not a property: names are case-sensitive, write ${quoted(sameLetters)}`;
  }
  const home = homeOf(name, place);
  if (home !== undefined) {
    return `is not a property here: it belongs ${home}`;
  }
  const near = nearest(lower, known);
  return near === undefined ? undefined : `is not a property: did you mean ${quoted(near)}?`;
}

/** Where a property of this very name does belong. */
function homeOf(name: string, place: string): string | undefined {
  const here = place.replace(/^\//, '').replaceAll('/', '.');
  for (const path of paths(PROPERTIES)) {
    const position = path.indexOf(name);
    const parent = path.slice(0, Math.max(position, 0)).join('.');
    if (position >= 0 && parent !== here) {
      return parent === '' ? 'at the top level' : `in \`${parent}\``;
    }
  }
  return undefined;
}

/** The path of each property; a list is one, whatever its items are. */
function paths(shape: Shape): string[][] {
  return Object.entries(shape.members ?? {}).flatMap(([name, member]) =>
    member.kind === 'object' ? paths(member).map((path) => [name, ...path]) : [[name]],
  );
}

/**
 * The known name that takes the fewest edits, if that is at most half of its letters; letters in the wrong case count
 * as no edit. Else one that is cut short, as `Env` is.
 */
function nearest(lower: string, known: readonly string[]): string | undefined {
  let best: { name: string; edits: number } | undefined;
  for (const name of known) {
    const allowed = Math.floor(Math.max(name.length, lower.length) / 2);
    // The length bounds the work: a name of 100 kB is near to nothing.
    if (Math.abs(lower.length - name.length) <= allowed) {
      const edits = distance(lower, name.toLowerCase());
      if (edits <= allowed && edits < (best?.edits ?? Infinity)) {
        best = { name, edits };
      }
    }
  }
  const isCut = (name: string) => lower.length >= SHORTENED_LENGTH_MIN && name.toLowerCase().startsWith(lower);
  return best?.name ?? known.find(isCut);
}

/** Letters to insert, delete, replace, or swap with their neighbour to get from `a` to `b`. */
function distance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let edits = Math.min(
        previous[column - 1]! + (isSame ? 0 : 1),
        previous[column]! + 1,
        current[column - 1]! + 1,
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        edits = Math.min(edits, beforePrevious[column - 2]! + 1);
      }
      current.push(edits);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous.at(-1)!;
}
