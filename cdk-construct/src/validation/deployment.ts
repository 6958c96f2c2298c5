/** The rules across the properties of `Deployment`: what goes with which strategy, and how long a deployment takes. */

import { LIMITS, PROPERTIES } from '../schema.generated';
import { PERCENT_MAX, wholeNumber } from './rules';
import { quoted } from './texts';

/** What has been read of the properties, by path. */
export interface Values {
  /** Whether there is something, right or wrong, known or not. */
  isGiven(path: string): boolean;
  /** The value that counts: the default if none is given, nothing if it is invalid or not known. */
  effective(path: string): string | undefined;
}

/** A place and what is wrong there. */
export type Finding = readonly [pointer: string, problem: string];

/** What is only for one strategy, or not for one. */
const BY_STRATEGY = [
  { name: 'CanaryConfiguration', isFor: (strategy: string) => strategy === 'CANARY', problem: 'is only for `Strategy` `CANARY`' },
  { name: 'LinearConfiguration', isFor: (strategy: string) => strategy === 'LINEAR', problem: 'is only for `Strategy` `LINEAR`' },
  {
    name: 'BakeTimeInMinutes',
    isFor: (strategy: string) => strategy !== 'ROLLING',
    problem: 'is not for `Strategy` `ROLLING`: ECS takes as long as the alarms look back',
  },
  {
    name: 'TestTraffic',
    isFor: (strategy: string) => strategy !== 'ROLLING',
    problem: 'is not for `Strategy` `ROLLING`, which has no test traffic',
  },
  {
    name: 'LifecycleHooks',
    isFor: (strategy: string) => strategy !== 'ROLLING',
    problem: 'is not for `Strategy` `ROLLING`, which has no stages',
  },
] as const;
/** What the threshold's largest value depends on. */
const THRESHOLD = 'Deployment.CircuitBreaker.ThresholdConfiguration';
const TASKS_MAX = PROPERTIES.members.Deployment!.members!.CircuitBreaker!.members!.ThresholdConfiguration!.members!.Value!.max;
/** The bake after all requests have moved. The schema has no default for it, as `ROLLING` has none. */
const AFTER_THE_MOVE = 'Deployment.BakeTimeInMinutes';
const DEFAULT_MINUTES = PROPERTIES.members.Deployment!.members!.CanaryConfiguration!.members!.CanaryBakeTimeInMinutes!.default;
/** All of something, in tenths of a percent. */
const ALL_TENTHS = 1000;
const SECONDS_PER_MINUTE = 60;

/** What does not go together within `Deployment`. `threshold` is the text of its value, of which nothing is known yet. */
export function contradictions(values: Values, threshold: string | undefined): Finding[] {
  const findings: Finding[] = [];
  if (threshold !== undefined) {
    const counted = values.effective(`${THRESHOLD}.Type`);
    const isPercentage = counted === 'BOUNDED_PERCENT' || counted === 'UNBOUNDED_PERCENT';
    const problem = wholeNumber(threshold, 1, isPercentage ? PERCENT_MAX : TASKS_MAX);
    if (problem !== undefined) {
      findings.push([`/${THRESHOLD.replaceAll('.', '/')}/Value`, problem]);
    }
  }
  const datapoints = values.effective('Deployment.RollbackAlarm.DatapointsToAlarm');
  const periods = values.effective('Deployment.RollbackAlarm.EvaluationPeriods');
  const isDefault = !values.isGiven('Deployment.RollbackAlarm.DatapointsToAlarm');
  // The default follows the periods.
  if (!isDefault && datapoints !== undefined && periods !== undefined && Number(datapoints) > Number(periods)) {
    const problem = `${quoted(datapoints)} is more than \`EvaluationPeriods\`, which is ${quoted(periods)}`;
    findings.push(['/Deployment/RollbackAlarm/DatapointsToAlarm', problem]);
  }
  const strategy = strategyOf(values);
  for (const { name, isFor, problem } of BY_STRATEGY) {
    if (strategy !== undefined && !isFor(strategy) && values.isGiven(`Deployment.${name}`)) {
      findings.push([`/Deployment/${name}`, problem]);
    }
  }
  return findings;
}

/** Whether a deployment with its bakes can end before CloudFormation gives up. */
export function timeoutSuffices(values: Values): Finding | undefined {
  const timeout = values.effective('ServiceTimeout');
  const found = bakes(values);
  if (timeout === undefined || found === undefined) {
    return undefined;
  }
  const [minutes, how] = found;
  const needed = (minutes + LIMITS.DEPLOYMENT_MARGIN_MIN) * SECONDS_PER_MINUTE;
  if (Number(timeout) >= needed) {
    return undefined;
  }
  const problem =
    `\`${timeout}\` seconds are too few: ${how} minutes of bake and ${LIMITS.DEPLOYMENT_MARGIN_MIN} minutes for tasks ` +
    `to start and to roll back are ${needed} seconds`;
  // Where more than CloudFormation's most is needed, only shorter bakes help.
  return needed > LIMITS.SERVICE_TIMEOUT_S_MAX
    ? ['/Deployment', `the bakes are too long: ${problem}`]
    : ['/ServiceTimeout', problem];
}

/** Minutes that a deployment bakes in all, and how they come about; nothing if one of them is not known. */
function bakes(values: Values): readonly [number, string] | undefined {
  const strategy = strategyOf(values);
  const bake = bakeTime(values, AFTER_THE_MOVE);
  switch (strategy) {
    case 'CANARY': {
      const minutes = bakeTime(values, 'Deployment.CanaryConfiguration.CanaryBakeTimeInMinutes');
      return bake === undefined || minutes === undefined ? undefined : [minutes + bake, `${minutes} + ${bake}`];
    }
    case 'LINEAR': {
      const minutes = bakeTime(values, 'Deployment.LinearConfiguration.StepBakeTimeInMinutes');
      const percent = values.effective('Deployment.LinearConfiguration.StepPercent');
      if (bake === undefined || minutes === undefined || percent === undefined) {
        return undefined;
      }
      // All steps are baked but the one that completes the move.
      const steps = Math.ceil(ALL_TENTHS / Math.round(Number(percent) * 10)) - 1;
      return [steps * minutes + bake, `${steps} × ${minutes} + ${bake}`];
    }
    case 'BLUE_GREEN':
      return bake === undefined ? undefined : [bake, String(bake)];
    case 'ROLLING': {
      // A period of the alarm is a minute.
      const periods = values.effective('Deployment.RollbackAlarm.EvaluationPeriods');
      return periods === undefined ? undefined : [Number(periods), periods];
    }
    default:
      return undefined;
  }
}

function strategyOf(values: Values): string | undefined {
  if (values.isGiven('Deployment.Strategy')) {
    return values.effective('Deployment.Strategy');
  }
  return values.effective('Deployment.Preset') === 'DEVELOPMENT' ? 'BLUE_GREEN' : values.effective('Deployment.Strategy');
}

/** Minutes of one bake: if none are given, those of the preset. */
function bakeTime(values: Values, path: string): number | undefined {
  const preset = values.effective('Deployment.Preset');
  if (values.isGiven(path)) {
    const minutes = values.effective(path);
    return minutes === undefined ? undefined : Number(minutes);
  }
  // Where the object around it is known only to CloudFormation, there is no default either.
  const isUnknown = path !== AFTER_THE_MOVE && values.effective(path) === undefined;
  if (isUnknown || preset === undefined) {
    return undefined;
  }
  return preset === 'DEVELOPMENT' ? 0 : Number(DEFAULT_MINUTES);
}
