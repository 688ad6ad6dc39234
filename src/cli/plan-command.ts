import { Command, InvalidArgumentError } from 'commander'
import { resolve } from 'node:path'
import { readSettings } from '../config/read.ts'
import { plan, smallestWorkers, type Arriving, type Plan, type Question } from '../forecast/plan/plan.ts'
import type { Service } from '../forecast/plan/distributions.ts'
import { pastRuns } from '../journal/sqlite/reader/past-runs.ts'
import { PRIORITY_NAMES, type PriorityName } from '../task/priority.ts'
import { formatTable } from './text-table.ts'

type Kind = Question['kinds'][number]

interface PlanOptions {
  readonly workers?: number
  readonly perMinute?: number
  readonly minutes: number
  readonly burst?: number
  readonly steady?: boolean
  readonly run?: readonly Kind[]
  readonly spread: number
  readonly priorities?: readonly number[]
  readonly places?: number
  readonly target?: number
  readonly seed: number
  readonly json?: boolean
}

/** `headgate plan`: what would be, with other workers or another load. */
export function planCommand(): Command {
  return new Command('plan')
    .description('Tell waits, queue and refusals for a number of workers and a load.')
    .option('--workers <count>', 'tasks that run at once; default: as the settings say', above(0))
    .option('--per-minute <rate>', 'tasks that come in a minute, one independent of the other', above(0))
    .option('--steady', 'at even distances instead')
    .option('--minutes <count>', 'for how long they come', above(0), 60)
    .option('--burst <count>', 'this many at once instead', above(0))
    .option(
      '--run <seconds>',
      'run time, or a mix with shares, e.g. 30:0.3,75:0.4,163:0.3; default: as it was here',
      kinds,
    )
    .option('--spread <cv>', 'standard deviation of run times, divided by their mean', atLeast(0), 0)
    .option('--priorities <shares>', 'shares of LOW,NORMAL,HIGH,URGENT, e.g. 1,6,2,1', shares)
    .option('--places <count>', 'tasks that may wait; default: no limit', atLeast(0))
    .option(
      '--target <seconds>',
      'print the smallest number of workers with which nine of ten wait no longer',
      above(0),
    )
    .option('--seed <number>', 'the same seed gives the same plan', atLeast(0), 1)
    .option('--json', 'print JSON instead of a table')
    .action((options: PlanOptions) => printPlan(options))
}

function printPlan(options: PlanOptions): void {
  const question = toQuestion(options)
  const result = plan(question)
  const smallest = options.target === undefined ? undefined : smallestWorkers(question, options.target)
  if (options.json === true) {
    console.log(
      JSON.stringify(
        { ...result, ...(smallest === undefined ? {} : { smallestWorkers: smallest }) },
        null,
        2,
      ),
    )
    return
  }
  console.log(formatTable(summaryRows(result)))
  console.log(`\n${formatTable(waitRows(result))}`)
  if (smallest === undefined) return
  const answer = smallest === null ? 'no number of workers will do' : `${smallest} workers`
  console.log(`\nNine of ten wait ${options.target} s at the most with: ${answer}.`)
}

function toQuestion(options: PlanOptions): Question {
  const settings = readSettings()
  return {
    workers: options.workers ?? Math.max(1, settings.slots),
    capacity: options.places ?? Infinity,
    headStart: settings.headStartMs / 1000,
    arriving: toArriving(options),
    kinds: options.run?.map((kind) => spreadOut(kind, options.spread)) ?? kindsFromHistory(settings.dataDir),
    priorities: options.priorities ?? [0, 1, 0, 0],
    seed: options.seed,
  }
}

function toArriving({ burst, perMinute, steady, minutes }: PlanOptions): Arriving {
  if (burst !== undefined) return { pattern: 'burst', count: burst }
  if (perMinute === undefined) throw new Error('say how tasks come: --per-minute or --burst (see --help)')
  return { pattern: steady === true ? 'steady' : 'random', perMinute, duration: minutes * 60 }
}

function spreadOut({ share, service }: Kind, cv: number): Kind {
  if (cv === 0 || service.law !== 'fixed') return { share, service }
  return { share, service: { law: 'lognormal', mean: service.mean, cv } }
}

/** Run times of the tasks that completed here, type by type. */
function kindsFromHistory(dataDir: string): Kind[] {
  const runs = pastRuns(resolve(dataDir))
  if (runs.length < 5)
    throw new Error('fewer than five tasks have completed here: say how long runs take with --run')
  return [...Map.groupBy(runs, ({ type }) => type).values()].map((own) => {
    const service: Service = { law: 'samples', values: own.map(({ runMs }) => runMs / 1000) }
    return { share: own.length, service }
  })
}

function summaryRows(result: Plan): string[][] {
  const { workers, tasks, meanRun, load, verdict, queue, refused, lastDone, lastWait } = result
  return [
    ['workers', `${workers}`],
    ['tasks', `${tasks}`],
    ['mean run', seconds(meanRun)],
    ['load', load === null ? '–' : `${load.toFixed(2)} (${verdict})`],
    [
      'queue',
      `${queue.mean.toFixed(1)} on average, ${queue.longest} at most, ${queue.atEnd} when the last had come`,
    ],
    ['refused', `${(refused * 100).toFixed(1)} %`],
    ['last done after', seconds(lastDone)],
    ['wait of the last', lastWait === null ? 'refused' : seconds(lastWait)],
  ]
}

function waitRows({ waits, byPriority }: Plan): string[][] {
  const levels = PRIORITY_NAMES.toReversed().flatMap((name: PriorityName) => {
    const own = byPriority[name]
    return own === undefined ? [] : [[name, own] as const]
  })
  const rows = [...levels, ['all', waits] as const]
  return [
    ['WAIT', 'TASKS', 'MEAN', 'P50', 'P90', 'P99', 'LONGEST'],
    ...rows.map(([name, { tasks, mean, p50, p90, p99, longest }]) => {
      return [name, `${tasks}`, ...[mean, p50, p90, p99, longest].map(seconds)]
    }),
  ]
}

function seconds(value: number): string {
  if (value < 600) return `${value.toFixed(1)} s`
  return value < 7200 ? `${(value / 60).toFixed(1)} min` : `${(value / 3600).toFixed(2)} h`
}

function above(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isFinite(value) && value > least) return value
    throw new InvalidArgumentError(`expected a number above ${least}.`)
  }
}

function atLeast(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isFinite(value) && value >= least) return value
    throw new InvalidArgumentError(`expected a number of at least ${least}.`)
  }
}

/** `163` or `30:0.3,75:0.4,163:0.3`. */
function kinds(text: string): Kind[] {
  return text.split(',').map((item) => {
    const [mean, share = 1] = item.split(':').map(Number)
    if (mean !== undefined && mean > 0 && share > 0) return { share, service: { law: 'fixed', mean } }
    throw new InvalidArgumentError('expected seconds, or seconds:share separated by commas.')
  })
}

function shares(text: string): number[] {
  const read = text.split(',').map(Number)
  const isFine =
    read.length === PRIORITY_NAMES.length &&
    read.every((share) => share >= 0) &&
    read.some((share) => share > 0)
  if (isFine) return read
  throw new InvalidArgumentError('expected four shares: LOW,NORMAL,HIGH,URGENT.')
}
