import type { Model, Provider } from '../llm/providers.ts'

/** What writes reports, the first choice first: models that are set up, and the engine that needs none. */
export type Engine = { readonly kind: 'llm'; readonly model: Model } | { readonly kind: 'extractive' }

const EXTRACTIVE = 'extractive'
export type EngineName = Provider | typeof EXTRACTIVE

/** The engines for one task: all of them in their order, or those of the kind that was asked for. */
export function enginesFor(engines: readonly Engine[], asked: Engine['kind'] | undefined): readonly Engine[] {
  if (asked === undefined) return engines
  if (asked === 'extractive') return [{ kind: 'extractive' }]
  return engines.filter(({ kind }) => kind === asked)
}

/** Models in the order of the setting; the engine without a model is used when no other is left. */
export function createEngines(order: readonly EngineName[], models: readonly Model[]): Engine[] {
  const engines = order.flatMap((name): Engine[] => {
    if (name === EXTRACTIVE) return [{ kind: 'extractive' }]
    const model = models.find(({ provider }) => provider === name)
    return model === undefined ? [] : [{ kind: 'llm', model }]
  })
  return engines.length === 0 ? [{ kind: 'extractive' }] : engines
}

/** Everything that decides what an engine makes of a text. */
export function engineKey(engine: Engine): string {
  return engine.kind === 'llm' ? engine.model.id : EXTRACTIVE
}
