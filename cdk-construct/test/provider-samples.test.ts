/** The provider's own samples: what it refuses is refused here, in the same words; what it takes is taken. */

import * as assert from 'node:assert/strict';
import { test } from 'node:test';
import { CfnExpressService } from '../lib';
import { PROPERTIES } from '../lib/schema.generated';
import { problemsOf } from '../lib/validation/problems';
import { FREE_TEXTS, hasRule } from '../lib/validation/rules';
import type { Shape } from '../lib/validation/shape';
import { ENVIRONMENT, properties, samples, stackInAccount } from './setting';

/** Samples that an app cannot be told of, with the reason. */
const ONLY_THE_PROVIDER_KNOWS: Record<string, string> = {
  'answer-too-long.json': "the length of the answer depends on the provider's domain and on the ids of stack and request",
};
/** What TypeScript does not let anyone write, nor CloudFormation send through a construct. */
const NO_PROPERTIES = ['not-an-object.json'];
/** Names in lower case, which are the right ones here, are among the mistakes of this sample. */
const NAMES_IN_LOWER_CASE = ['unknown-names.json'];

for (const { name, request, problems } of samples('invalid')) {
  const reason = ONLY_THE_PROVIDER_KNOWS[name];
  if (reason !== undefined) {
    test(`${name} is left to the provider: ${reason}`, () => {
      assert.deepEqual(problemsOf(request, ENVIRONMENT), []);
    });
    continue;
  }
  test(`${name} is refused in the provider's words`, () => {
    assert.deepEqual(problemsOf(request, ENVIRONMENT).sort(), [...problems].sort());
  });
  if (!NO_PROPERTIES.includes(name)) {
    test(`${name} is refused when the construct is made`, () => {
      const make = () => new CfnExpressService(stackInAccount(), 'Web', request);
      const isSaid = (problem: string) => !problem.includes('names are case-sensitive') && !/Name: is required/.test(problem);
      const expected = NAMES_IN_LOWER_CASE.includes(name) ? problems.filter(isSaid).slice(-5) : problems;
      assert.throws(make, (error: Error) => expected.every((problem) => error.message.includes(problem)));
    });
  }
}

for (const { name, request } of samples('valid')) {
  test(`${name} is taken and rendered as it is`, () => {
    assert.deepEqual(problemsOf(request, ENVIRONMENT), []);
    const stack = stackInAccount();
    const { Tags, ...rest } = request;
    const tags = Tags?.map(({ Key, Value }: any) => ({ key: Key, value: Value }));
    new CfnExpressService(stack, 'Web', { ...rest, tags });
    const byKey = (a: any, b: any) => (a.Key < b.Key ? -1 : 1);
    const rendered = properties(stack);
    assert.deepEqual((rendered.Tags ?? []).sort(byKey), (Tags ?? []).sort(byKey));
    delete rendered.Tags;
    assert.deepEqual(rendered, withoutEmpty(rest));
  });
}

test('every text has a rule, or is named as one for which any text is right', () => {
  const texts = textsOf(PROPERTIES, '');
  assert.ok(texts.length > 10);
  for (const path of texts) {
    assert.notEqual(hasRule(path), FREE_TEXTS.includes(path), path);
  }
});

function textsOf(shape: Shape, path: string): string[] {
  if (shape.members !== undefined) {
    return Object.entries(shape.members).flatMap(([name, member]) => textsOf(member, path === '' ? name : `${path}.${name}`));
  }
  if (shape.items !== undefined) {
    return textsOf(shape.items, `${path}[]`);
  }
  return shape.kind === 'text' ? [path] : [];
}

/** CDK leaves out empty lists and objects; to the provider they count as not given. */
function withoutEmpty(value: any): any {
  if (Array.isArray(value)) {
    return value.map(withoutEmpty);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const isEmpty = (member: any) => typeof member === 'object' && member !== null && Object.keys(member).length === 0;
  const members = Object.entries(value).map(([name, member]) => [name, withoutEmpty(member)] as const);
  return Object.fromEntries(members.filter(([, member]) => !isEmpty(member)));
}
