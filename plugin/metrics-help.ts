/** What each counter counts, by its name without the prefix. They are exported from the start, at 0. */
export const COUNTER_HELP: Readonly<Record<string, string>> = {
  events_total: 'Records judged or passed on unscored.',
  scorer_failures_total: 'Batches that the scorer failed on; their records passed unscored.',
  records_buried_total: 'Records that no output could take, written to the dead-letter file if there is one.',
  dead_letters_total: 'Dead letters written.',
  dead_letters_dropped_total: 'Dead letters dropped because too many waited to be written.',
  dead_letter_errors_total: 'Dead letters that could not be written.',
  forward_chunks_total: 'Chunks taken by the Forward input.',
  forward_entries_total: 'Entries in the chunks taken by the Forward input.',
  forward_entries_broken_total: 'Entries that are not [time, record].',
  forward_chunks_repeated_total: 'Chunks that came again; they were acknowledged and not judged again.',
  forward_refused_loop_total: 'Chunks refused because their tag is one of our own outputs.',
  forward_undecodable_total: 'Chunks that could not be decoded.',
  forward_frames_cut_off_total: 'Connections that ended in the middle of a frame.',
  forward_acks_total: 'Chunks acknowledged to their senders.',
  forward_handler_failures_total: 'Chunks not acknowledged because an output did not take them.',
  forward_heartbeats_total: 'Heartbeats received.',
  forward_handshakes_refused_total: 'Connections refused by the handshake.',
  forward_socket_errors_total: 'Connections that failed.',
  forward_server_errors_total: 'Errors of the listening socket.',
  forward_connections_total: 'Connections taken by the Forward input.',
  forward_connections_refused_total: 'Connections closed at once because there were too many.',
  forward_output_entries_total: 'Entries given to the Forward output.',
  forward_output_frames_total: 'Frames written by the Forward output.',
  forward_output_bytes_total: 'Bytes written by the Forward output.',
  forward_output_connections_total: 'Connections made by the Forward output.',
  forward_output_acks_total: 'Frames acknowledged by the receiver.',
  forward_output_failures_total: 'Connections of the Forward output that failed.',
  forward_output_resends_total: 'Frames sent again after a failure.',
  forward_output_abandoned_total: 'Frames given up after the most retries allowed.',
  elasticsearch_requests_total: 'Bulk requests sent to Elasticsearch.',
  elasticsearch_bytes_total: 'Bytes of bulk requests, compressed.',
  elasticsearch_failures_total: 'Requests to Elasticsearch that failed as a whole.',
  elasticsearch_retried_documents_total: 'Documents that had to be sent again.',
  elasticsearch_invalid_utf8_total:
    'Documents with texts that are not UTF-8; they hold the record packed, too.',
}

/** Counters that are told apart by labels. */
export const LABELLED_HELP = {
  anomalies_total: { help: 'Anomalies found, by the detector that found them.', labels: ['detector'] },
  sessions_closed_total: { help: 'Sessions closed, by why.', labels: ['reason'] },
  adoptions_total: {
    help: 'What was taken as normal, or taken back, by whom.',
    labels: ['event', 'by'],
  },
  trainings_total: { help: 'Trainings in the background: begun, done, failed.', labels: ['event'] },
  sidecar_changes_total: {
    help: 'Times the sidecar became ready, away, refused or had another model.',
    labels: ['state'],
  },
  elasticsearch_documents_total: {
    help: 'Documents given to Elasticsearch: created, repeated (there already), refused (dead letters).',
    labels: ['fate'],
  },
  unscored_total: { help: 'Records passed on unscored, by why.', labels: ['reason'] },
} as const satisfies Record<string, { help: string; labels: readonly string[] }>
