import { readFileSync } from 'node:fs'

interface Manifest {
  readonly version: string
  /** Ranges by package name; the optional ones among them are what the built-in tasks need. */
  readonly peerDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as Manifest

export const VERSION = manifest.version

/** Packages that reading documents and writing reports needs. */
export const DOCUMENT_PACKAGES = [
  '@hyzyla/pdfium',
  '@mozilla/readability',
  'chardet',
  'htmlparser2',
  'jsonrepair',
  'linkedom',
  'mammoth',
  'markdown-it',
  'postal-mime',
  'sanitize-html',
  'stemmer',
  'stopword',
  'tinyld',
  'yauzl',
] as const

/** Packages that writing reports with a model needs beside them. */
export const MODEL_PACKAGES = ['@ai-sdk/google', '@ai-sdk/openai-compatible', 'ai', 'gpt-tokenizer'] as const

/** Packages that text recognition needs beside those of documents and the data of its languages. */
export const RECOGNITION_PACKAGES = ['tesseract.js-core'] as const

/** Packages that several processes on one PostgreSQL need. */
export const CLUSTER_PACKAGES = ['pg', 'pg-boss'] as const

/** Packages that an S3 store of uploads needs beside them. */
export const S3_PACKAGES = ['aws4fetch'] as const

/** The package that holds what recognition knows of a language. */
export function languagePackage(language: string): string {
  return `@tesseract.js-data/${language}`
}

/** Those of the packages that are not installed. */
export function findMissing(names: readonly string[]): readonly string[] {
  return names.filter((name) => !isInstalled(name))
}

/** The command that installs packages in the versions that this release was tested with. */
export function installCommand(names: readonly string[]): string {
  const pinned = names.map((name) => `${name}@${manifest.peerDependencies[name] ?? 'latest'}`)
  return `npm install ${pinned.join(' ')}`
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch (error) {
    // Some packages have no entry of their own: what is asked here is whether they are there.
    return (error as NodeJS.ErrnoException).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'
  }
}
