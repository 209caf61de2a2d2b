/** Whether dist/ is of the sources as they are. */
export function isCompiled(): boolean;
