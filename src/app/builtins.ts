import type { Analysis, AnalysisOptions } from '../analysis/analysis.ts'
import { BUILTIN_TASKS, type BuiltinTask } from '../config/builtin-tasks.ts'
import type { Settings } from '../config/settings.ts'
import { SETTINGS } from '../config/settings.ts'
import {
  DOCUMENT_PACKAGES,
  findMissing,
  installCommand,
  languagePackage,
  MODEL_PACKAGES,
  RECOGNITION_PACKAGES,
} from '../package.ts'
import { HeadgateError } from '../task/errors.ts'

export interface Builtins {
  readonly analysis: Analysis
  /** Task types whose packages are not installed, each with what its submits are answered. */
  readonly unavailable: ReadonlyMap<string, string>
}

const NO_ANALYSIS: Analysis = {
  types: [],
  engines: [],
  resources: new Map(),
  modelUse: () => new Map(),
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
}

/**
 * Loads the built-in tasks that are switched on. Their packages are optional: a server that has only the queue does
 * not load, nor need, any of them.
 *
 * @throws HeadgateError `invalid-setting` when tasks that were named one by one, or a model that is set up, lack packages.
 */
export async function loadBuiltins(
  settings: Pick<Settings, 'builtins' | 'ocrLanguages'>,
  given: Omit<AnalysisOptions, keyof RecognitionSetup>,
): Promise<Builtins> {
  const { builtins } = settings
  const names = builtins === 'all' ? BUILTIN_TASKS : builtins
  if (names.length === 0) return { analysis: NO_ANALYSIS, unavailable: new Map() }
  const options = { ...given, ...findRecognition(settings) }
  const needed = options.models.providers.size > 0 ? MODEL_PACKAGES : []
  const missing = findMissing([...DOCUMENT_PACKAGES, ...needed])
  if (missing.length === 0) return { analysis: await load(names, options), unavailable: new Map() }

  const fix = describeMissing(missing)
  if (builtins !== 'all') {
    throw new HeadgateError('invalid-setting', `BUILTIN_TASKS="${names.join(',')}": ${fix}`)
  }
  if (findMissing(DOCUMENT_PACKAGES).length === 0) {
    throw new HeadgateError('invalid-setting', `A model is set up to write reports. ${fix}`)
  }
  return { analysis: NO_ANALYSIS, unavailable: new Map(names.map((name) => [name, fix])) }
}

type RecognitionSetup = Pick<AnalysisOptions, 'ocrLanguages' | 'ocrInstall'>

/**
 * The languages whose data is installed, when recognition is. By default it is there for who has installed it.
 *
 * @throws HeadgateError `invalid-setting` when languages that were named lack packages.
 */
function findRecognition({ ocrLanguages }: Pick<Settings, 'ocrLanguages'>): RecognitionSetup {
  const needed = [...RECOGNITION_PACKAGES, ...ocrLanguages.map(languagePackage)]
  const missing = findMissing(needed)
  const isDefault = ocrLanguages.join(',') === SETTINGS.ocrLanguages.default
  if (missing.length > 0 && ocrLanguages.length > 0 && !isDefault) {
    throw new HeadgateError(
      'invalid-setting',
      `OCR_LANGUAGES="${ocrLanguages.join(',')}": ${describeMissing(missing)}`,
    )
  }
  const hasLibrary = RECOGNITION_PACKAGES.every((name) => !missing.includes(name))
  const isInstalled = (language: string) => hasLibrary && !missing.includes(languagePackage(language))
  return {
    ocrLanguages: ocrLanguages.filter(isInstalled),
    ocrInstall: installCommand(ocrLanguages.length === 0 ? [...needed, languagePackage('eng')] : needed),
  }
}

function describeMissing(names: readonly string[]): string {
  return `Packages are missing. Install them: ${installCommand(names)}`
}

async function load(names: readonly BuiltinTask[], options: AnalysisOptions): Promise<Analysis> {
  const { createAnalysis } = await import('../analysis/analysis.ts')
  const analysis = createAnalysis(options)
  const types = analysis.types.filter(({ type }) => names.some((name) => name === type))
  return { ...analysis, types }
}
