import { defineConfig, mergeConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** The HTTP suite once more, with each test server over a database of its own: `npm run test:postgres`. */
export default mergeConfig(base, defineConfig({ test: { globalSetup: ['test/support/postgres-setup.ts'] } }))
