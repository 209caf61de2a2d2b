/** @peculiar/x509, which wants reflect-metadata to be there before it is. */
import 'reflect-metadata';

export * from '@peculiar/x509';
