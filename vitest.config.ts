import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take longest, the longest first. */
const SLOWEST = [
  'http/slow-clients',
  'kill/kill-points',
  'cluster/resources',
  'browser/docs-page',
  'end-to-end/text-recognition',
  'web/flows',
  'cluster/pgbouncer',
  'cluster/chaos/chaos',
  'browser/proxy',
  'http/streams',
  'cluster/chaos/controls',
  'analysis/model/reports',
  'cluster/queue',
  'kill/model-calls',
  'cluster/faults',
  'watchdog/watchdog',
  'cluster/shared-limits',
]

/** Starts what takes longest first, so that no single file is still running when all others have ended. */
class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification) => {
      const rank = SLOWEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`))
      return rank === -1 ? SLOWEST.length : rank
    }
    return (await super.sort(files)).toSorted((a, b) => rankOf(a) - rankOf(b))
  }
}

/** Tests that start neither a server process nor a browser. */
const UNIT = [
  'test/{admission,app,auth,events,forecast,handler,history,pool,resource,scheduling,task,time,uploads}/**/*.test.ts',
  'test/journal/*.test.ts',
  'test/{architecture,config}.test.ts',
]
/** Tests that measure the memory of their process, in which nothing else may have run. */
const MEASURES_MEMORY = ['test/http/{long-replies,slow-clients}.test.ts', 'test/analysis/pdf-reader.test.ts']
const resolve = { conditions: ['headgate-source'] }
const ssr = { resolve }
/** A machine that is busy with other work runs them several times slower; none waits for these when all is well. */
const timeouts = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 15_000 } } }

export default defineConfig({
  test: {
    // More than the two cores of a small machine: many tests wait for time, not for a processor.
    maxWorkers: 4,
    sequence: { sequencer: SlowestFirst },
    projects: [
      {
        resolve,
        ssr,
        // One module graph for all files of a thread.
        test: { name: 'unit', include: UNIT, pool: 'threads', isolate: false, ...timeouts },
      },
      {
        resolve,
        ssr,
        // Each file in a process of its own.
        test: { name: 'memory', include: MEASURES_MEMORY, pool: 'forks', ...timeouts },
      },
      {
        resolve,
        ssr,
        // One module graph for all files of a process: to load it again takes about a second of a processor.
        test: {
          name: 'process',
          include: ['test/**/*.test.ts'],
          exclude: [...UNIT, ...MEASURES_MEMORY],
          pool: 'forks',
          isolate: false,
          ...timeouts,
        },
      },
    ],
  },
})
