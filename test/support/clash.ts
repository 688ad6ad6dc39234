import { z } from 'zod'
import { defineTask } from '../../src/index.ts'

/** A task type whose name is taken: its `TASKS_FILE` must stop the start. */
export default defineTask({ type: 'summarize', input: z.object({}), run: () => null })
