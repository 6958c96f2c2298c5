/** Which memory Fargate gives with which CPU. */

import { TASK_SIZES } from '../schema.generated';
import type { Problem } from './arns';
import { oneOf, quoted } from './texts';

/** CPU units and MiB are 1024 to a vCPU and to a GiB. */
const UNITS = 1024;

export function cpu(text: string): Problem {
  const sizes = TASK_SIZES.map((size) => size.cpu);
  if (/^\d+$/.test(text) && sizes.includes(Number(text))) {
    return undefined;
  }
  const units = inUnits(text, /vcpu$/);
  if (units !== undefined && sizes.includes(units)) {
    return `${quoted(text)} is a number of vCPUs: write CPU units, \`${units}\``;
  }
  return `${quoted(text)} is not a CPU size of Fargate, expected ${oneOf(sizes)} CPU units`;
}

/** Whether the memory goes with the CPU is for `memoryForCpu` to say. */
export function memory(text: string): Problem {
  const sizes = TASK_SIZES.flatMap((size) => size.memoryMib);
  if (/^\d+$/.test(text) && sizes.includes(Number(text))) {
    return undefined;
  }
  const mib = inUnits(text, /gi?b$/);
  if (mib !== undefined && sizes.includes(mib)) {
    return `${quoted(text)} is a number of GB: write MiB, \`${mib}\``;
  }
  return `${quoted(text)} is not a memory size of Fargate, which are ${Math.min(...sizes)} to ${Math.max(...sizes)} MiB`;
}

/** What is wrong with the pair of two sizes that are right by themselves. */
export function memoryForCpu(cpuUnits: number, memoryMib: number): Problem {
  const size = TASK_SIZES.find((candidate) => candidate.cpu === cpuUnits);
  if (size === undefined || size.memoryMib.includes(memoryMib)) {
    return undefined;
  }
  return `memory \`${memoryMib}\` is not allowed with cpu \`${cpuUnits}\`, expected ${size.described}`;
}

/** A number of vCPUs or GB, with or without its unit, in units of 1/1024. */
function inUnits(text: string, unit: RegExp): number | undefined {
  const number = text.trim().toLowerCase().replace(unit, '').trim();
  if (!/^(\d{1,6}(\.\d{0,6})?|\.\d{1,6})$/.test(number)) {
    return undefined;
  }
  const units = Number(number) * UNITS;
  return Number.isInteger(units) ? units : undefined;
}
