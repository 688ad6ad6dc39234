/** The program: catches signals, then loads and starts the server. */
import './node-version.ts'
import { catchSignals } from './process/signals.ts'

const signals = catchSignals()
const { serve } = await import('./serve.ts')
await serve(signals)
