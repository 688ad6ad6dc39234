const I_WORK = 'It is a file of Apple Pages, Numbers or Keynote: export it as PDF, Word, Excel or PowerPoint.'
const STAR_OFFICE = 'It is an old StarOffice or OpenOffice file: save it as odt, ods or odp, and send that.'

/** What to do with files that people send, and that cannot be read, by their recognised types. */
export const CONVERT_BY_TYPE: Readonly<Record<string, string>> = {
  'application/msword': 'It is an old Word file: save it as docx, and send that.',
  'application/vnd.ms-excel': 'It is an old Excel file: save it as xlsx, and send that.',
  'application/vnd.ms-excel.sheet.binary.macroenabled.12':
    'It is a binary workbook of Excel: save it as xlsx, and send that.',
  'application/vnd.ms-powerpoint': 'It is an old PowerPoint file: save it as pptx, and send that.',
  'application/vnd.ms-outlook': 'It is a mail or a mailbox of Outlook: save the mail as eml or as text.',
  'application/vnd.visio': 'It is a drawing of Visio: save it as PDF, and send that.',
  'application/vnd.ms-xpsdocument': 'It is an XPS document: print it as PDF, and send that.',
  'application/x-iwork': I_WORK,
  'application/vnd.apple.pages': I_WORK,
  'application/vnd.apple.numbers': I_WORK,
  'application/vnd.apple.keynote': I_WORK,
  'application/vnd.sun.xml.writer': STAR_OFFICE,
  'application/vnd.sun.xml.calc': STAR_OFFICE,
  'application/vnd.sun.xml.impress': STAR_OFFICE,
  'application/x-cfb':
    'It is a file of an older program, such as an old Word, Excel or PowerPoint file: save it as docx, xlsx, pptx or PDF.',
  'application/zip': 'It is an archive: send the files in it one by one.',
  'application/json': 'It is data in JSON: send the text that is in it.',
  'image/*': 'It is a picture of a kind that cannot be read: save it as PNG or JPEG.',
  'audio/*': 'It is a recording: send a transcript of it.',
  'video/*': 'It is a video: send its captions or a transcript.',
}
