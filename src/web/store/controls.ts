import { signal } from '@preact/signals'
import type { Controls } from '../../client/index.ts'

export type Scope = 'intake' | 'processing'

/** What is set and paused, and by whom; null until it is known. */
export const controls = signal<Controls | null>(null)

/** Makes a change and shows what came of it. */
export async function change(make: () => Promise<Controls>): Promise<void> {
  controls.value = await make()
}
