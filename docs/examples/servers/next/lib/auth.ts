import { createAuth } from 'idplug'
import { files } from '../files'

export const auth = createAuth(files)
