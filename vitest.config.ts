import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['headgate-source'] },
  ssr: { resolve: { conditions: ['headgate-source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: one file per core, each in a process of its own.
    pool: 'forks',
    maxWorkers: 2,
  },
})
