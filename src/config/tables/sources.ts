import { z } from 'zod'
import { hosts, ocrLanguages, megabytes, MB, whole } from '../bounds.ts'
import type { Row } from '../row.ts'

/** Where documents come from, and what reading them may cost. */
export const SOURCES_SETTINGS = {
  fetchAllowHosts: {
    env: 'FETCH_ALLOW_HOSTS',
    default: '',
    unit: 'list',
    meaning:
      'Hosts that are fetched from though they are not public, separated by commas, each with its port when it is not the usual one. Empty: none.',
    schema: hosts,
  },
  fetchTimeoutMs: {
    env: 'FETCH_TIMEOUT_SECONDS',
    default: '30',
    unit: 'seconds',
    meaning: 'Time limit of one fetch, redirects included. 1 to 3600.',
    schema: whole(1, 3600).transform((value) => value * 1000),
  },
  maxFetchBytes: {
    env: 'MAX_FETCH_MB',
    default: '10',
    unit: 'MB',
    meaning: 'Largest fetched document, counted after decoding. 1 to 2048.',
    schema: megabytes(2048),
  },
  youTubeUrl: {
    env: 'YOUTUBE_URL',
    default: 'https://www.youtube.com',
    unit: 'address',
    meaning:
      'The address of YouTube, or of a replacement for it: players and captions are requested there, and its host is trusted.',
    schema: z.url({ protocol: /^https?$/, error: 'expected an http or https address' }),
  },
  parserMemoryBytes: {
    env: 'PARSER_MEMORY_MB',
    default: '768',
    unit: 'MB',
    meaning:
      'Memory of one process that reads documents; over it the task ends as out_of_memory. 128 to 65536.',
    schema: whole(128, 65_536).transform((value) => value * MB),
  },
  parserCpuMs: {
    env: 'PARSER_CPU_SECONDS',
    default: '60',
    unit: 'seconds',
    meaning: 'Processor time for one document; over it the task ends as input_rejected. 1 to 3600.',
    schema: whole(1, 3600).transform((value) => value * 1000),
  },
  ocrLanguages: {
    env: 'OCR_LANGUAGES',
    default: 'eng,chi_sim',
    unit: 'list',
    meaning:
      'Languages of text recognition (OCR) for scans and pictures, as Tesseract names them, separated by commas; each needs its package @tesseract.js-data/NAME. Empty: nothing is recognised.',
    schema: ocrLanguages,
  },
} as const satisfies Record<string, Row>
