#!/usr/bin/env node
/** The command of the installed package. Everything else is loaded after the version of Node.js is known to fit. */
try {
  await import('./node-version.ts')
} catch (error) {
  console.error((error as Error).message)
  process.exit(78)
}
const { startCompileCache } = await import('./config/compile-cache.ts')
startCompileCache()
await import('./cli/program.ts')
