interface Facts {
  readonly words: number
  readonly characters: number
  readonly minutes: number
  readonly pages: number | null
}

/** The words of a report's frame, in the language of its text. */
const ENGLISH = {
  contents: 'Contents',
  summary: 'Summary',
  keyPoints: 'Key points',
  conclusion: 'Conclusion',
  quotes: 'Quotes',
  keywords: 'Keywords',
  opening: 'Opening',
  figures: 'The text in figures',
  notes: 'Notes',
  page: (page: number) => `p. ${page}`,
  pages: (from: number, to: number) => (from === to ? `Page ${from}` : `Pages ${from}–${to}`),
  part: (number: number) => `Part ${number}`,
  place: (text: string) => ` (${text})`,
  section: (heading: string) => `§ ${heading}`,
  about: ({ words, minutes, pages }: Facts) =>
    `${pages === null ? '' : `${pages} ${pages === 1 ? 'page' : 'pages'} · `}${words} words · about ${minutes} min to read`,
  withoutModel: 'extracted without a model',
  withModel: (model: string) => `written by ${model}`,
  separator: ', ',
  figure: {
    pages: 'Pages',
    characters: 'Characters',
    words: 'Words',
    sentences: 'Whole sentences',
    minutes: 'Minutes to read',
    reportWords: 'Words of this report',
    compression: 'Report ÷ text',
  },
}
export type Frame = typeof ENGLISH

const CHINESE: Frame = {
  contents: '目录',
  summary: '摘要',
  keyPoints: '要点',
  conclusion: '结论',
  quotes: '引语',
  keywords: '关键词',
  opening: '开头',
  figures: '文本数据',
  notes: '说明',
  page: (page) => `第 ${page} 页`,
  pages: (from, to) => (from === to ? `第 ${from} 页` : `第 ${from}–${to} 页`),
  part: (number) => `第 ${number} 部分`,
  place: (text) => `（${text}）`,
  section: (heading) => `《${heading}》`,
  about: ({ characters, minutes, pages }) =>
    `${pages === null ? '' : `${pages} 页 · `}${characters} 字 · 约 ${minutes} 分钟读完`,
  withoutModel: '未使用模型，句子均摘自原文',
  withModel: (model) => `由 ${model} 撰写`,
  separator: '、',
  figure: {
    pages: '页数',
    characters: '字符',
    words: '词数',
    sentences: '完整句子',
    minutes: '阅读分钟',
    reportWords: '本报告词数',
    compression: '报告 ÷ 原文',
  },
}

/** The frame for a language, ISO 639-1: Chinese has its own, all others the English one. */
export function findFrame(language: string): Frame {
  return language.startsWith('zh') ? CHINESE : ENGLISH
}
