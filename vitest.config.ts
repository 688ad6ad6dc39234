import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['headgate-source'] },
  ssr: { resolve: { conditions: ['headgate-source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    // A machine that is busy with other work runs them several times slower; none waits for these when all is well.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000 } },
    // Two cores: one file per core, each in a process of its own.
    pool: 'forks',
    maxWorkers: 2,
  },
})
