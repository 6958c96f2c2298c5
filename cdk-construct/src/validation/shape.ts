/** What validation knows of properties and of the stack, and what it cannot know. */

import * as cdk from 'aws-cdk-lib';

/** What validation knows of a property. */
export interface Shape {
  readonly kind: 'text' | 'integer' | 'percent' | 'boolean' | 'choice' | 'object' | 'list';
  readonly required?: boolean;
  readonly choices?: ReadonlyArray<string | number>;
  readonly min?: number;
  readonly max?: number;
  readonly default?: string | number | boolean;
  /** Of a list. */
  readonly items?: Shape;
  /** Of an object, in the order of the documentation. */
  readonly members?: Readonly<Record<string, Shape>>;
}

/** What validation knows of an object. */
export interface ObjectShape extends Shape {
  readonly kind: 'object';
  readonly members: Readonly<Record<string, Shape>>;
}

/** Where the stack will be, as far as the app says it. */
export interface Environment {
  readonly partition?: string;
  readonly region?: string;
  readonly account?: string;
}

/** Whether the value is known only to CloudFormation: a token, or an intrinsic function. */
export function isUnknown(value: unknown): boolean {
  if (cdk.Token.isUnresolved(value)) {
    return true;
  }
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const [name, ...others] = Object.keys(value);
  return others.length === 0 && name !== undefined && (name === 'Ref' || name.startsWith('Fn::'));
}
