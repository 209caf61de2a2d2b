/**
 * Labels of the IANA registry "TLS Exporter Labels" that programs may ask for, matched as prefixes. Those that TLS uses
 * itself (`client finished`, `server finished`, `master secret`, `key expansion`, `extended master secret`) are not
 * among them.
 */
const registered: readonly string[] = [
  'client EAP encryption',
  'ttls keying material',
  'ttls challenge',
  'EXTRACTOR-dtls_srtp',
  'EXPORTER_DTLS_OVER_SCTP',
  'EXPORTER-ETSI-TC-M2M-Bootstrap',
  'EXPORTER-ETSI-TC-M2M-Connection',
  'TLS_MK_Extr',
  'EXPORTER_GBA_Digest',
  'EXPORTER: teap session key seed',
  'EXPORTER-oneM2M-Bootstrap',
  'EXPORTER-oneM2M-Connection',
  'EXPORTER-Token-Binding',
  'EXPORTER_EAP_TLS_Key_Material',
  'EXPORTER_EAP_TLS_Method-Id',
  'EXPORTER-network-time-security',
  'EXPORTER-client authenticator handshake context',
  'EXPORTER-server authenticator handshake context',
  'EXPORTER-client authenticator finished key',
  'EXPORTER-server authenticator finished key',
  'EXPORTER-Channel-Binding',
];

/** RFC 5705 section 4: labels of one's own. */
const EXPERIMENTAL = 'EXPERIMENTAL';

export function isExporterLabel(label: string): boolean {
  return label.startsWith(EXPERIMENTAL) || registered.some((prefix) => label.startsWith(prefix));
}
