/** The program: catches signals, then loads and starts the server. */
import './node-version.ts'
import { startCompileCache } from './config/compile-cache.ts'
import { catchSignals } from './process/signals.ts'

const signals = catchSignals()
startCompileCache()
if (process.argv.includes('--check')) {
  const { check } = await import('./check.ts')
  await check()
} else {
  const { serve } = await import('./serve.ts')
  await serve(signals)
}
