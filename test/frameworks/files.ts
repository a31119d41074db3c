// A copy would do; that the tests of the frameworks and the docs speak of one declaration keeps them together.
export { files } from '../../docs/examples/files.ts'
