-- What a reference server leaves in MariaDB (http-api.md section 9.5), good rows and strange ones. Its dates are in UTC+6.
CREATE TABLE pnm_room_info (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  room_title VARCHAR(255) NOT NULL,
  roomId VARCHAR(64) NOT NULL,
  sid VARCHAR(64) NOT NULL UNIQUE,
  joined_participants INT NOT NULL DEFAULT 0,
  is_running TINYINT(1) NOT NULL DEFAULT 0,
  is_recording TINYINT(1) NOT NULL DEFAULT 0,
  recorder_id VARCHAR(36) NOT NULL DEFAULT '',
  is_active_rtmp TINYINT(1) NOT NULL DEFAULT 0,
  rtmp_node_id VARCHAR(36) NOT NULL DEFAULT '',
  webhook_url VARCHAR(255) NOT NULL DEFAULT '',
  is_breakout_room TINYINT(1) NOT NULL DEFAULT 0,
  parent_room_id VARCHAR(64) NOT NULL DEFAULT '',
  creation_time INT NOT NULL DEFAULT 0,
  created DATETIME NOT NULL,
  ended DATETIME NULL,
  modified DATETIME NULL
) DEFAULT CHARSET = utf8mb4;
CREATE TABLE pnm_recordings (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  record_id VARCHAR(64) NOT NULL UNIQUE,
  room_id VARCHAR(64) NOT NULL,
  room_sid VARCHAR(64) NULL,
  recorder_id VARCHAR(36) NOT NULL,
  file_path VARCHAR(255) NOT NULL,
  size DOUBLE NOT NULL,
  published TINYINT(1) NOT NULL DEFAULT 1,
  metadata JSON NULL,
  creation_time INT NOT NULL DEFAULT 0,
  room_creation_time INT NOT NULL DEFAULT 0,
  created DATETIME NOT NULL,
  modified DATETIME NULL
) DEFAULT CHARSET = utf8mb4;
CREATE TABLE pnm_room_artifacts (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  artifact_id VARCHAR(64) NOT NULL UNIQUE,
  room_table_id INT NOT NULL,
  room_id VARCHAR(64) NOT NULL,
  type VARCHAR(100) NOT NULL,
  metadata JSON NULL,
  created DATETIME NOT NULL
) DEFAULT CHARSET = utf8mb4;
INSERT INTO pnm_room_info (id, room_title, roomId, sid, joined_participants, is_running, parent_room_id, creation_time, created, ended) VALUES
  (3, 'Überleben 🎓', 'algebra', 'sid-1', 12, 0, '', 1700000000, '2023-11-15 04:13:20', '2023-11-15 05:13:20'),
  (4, 'Group 1', 'algebra-1', 'sid-2', 3, 0, 'algebra', 1700001000, '2023-11-15 04:30:00', '2023-11-15 04:40:00'),
  (5, 'Still there', 'biology', 'sid-3', 2, 1, '', 1700002000, '2023-11-15 04:46:40', NULL),
  (6, 'No id', '../../etc', 'sid-4', 0, 0, '', 1700002000, '2023-11-15 04:46:40', '2023-11-15 04:46:40'),
  (7, 'Never ended', 'chemistry', 'sid-5', -5, 0, '', 1700003000, '2023-11-15 05:03:20', NULL);
INSERT INTO pnm_recordings (record_id, room_id, room_sid, recorder_id, file_path, size, metadata, creation_time, room_creation_time, created) VALUES
  ('sid-1-1700003600000', 'algebra', 'sid-1', 'node_01', 'node_01/algebra/film.mp4', 12.34, '{"title":"Überleben","extra_data":{"meeting-title":"x"}}', 1700003600, 1700000000, '2023-11-15 05:13:20'),
  ('sid-1-1700003700000', 'algebra', 'sid-1', 'node_01', 'node_01/algebra/lost.mp4', 1, NULL, 1700003700, 1700000000, '2023-11-15 05:15:00'),
  ('sid-1-1700003800000', 'algebra', 'sid-1', 'node_01', '../../../etc/passwd', 1, NULL, 1700003800, 1700000000, '2023-11-15 05:16:40'),
  ('sid-9-1700003900000', 'physics', NULL, 'node_01', 'node_01/physics/film.mp4', 1, NULL, 1700003900, 1700000000, '2023-11-15 05:18:20');
INSERT INTO pnm_room_artifacts (artifact_id, room_table_id, room_id, type, metadata, created) VALUES
  ('artifact-1', 3, 'algebra', 'MEETING_ANALYTICS', '{"file_info":{"file_path":"meeting_analytics/algebra/figures.json","file_size":"2","mime_type":"application/json"}}', '2023-11-15 05:14:10'),
  ('artifact-2', 3, 'algebra', 'CHAT_TRANSLATION_USAGE', '{"character_count_usage":{"total_characters":9,"breakdown":{"u":9}}}', '2023-11-15 05:14:10'),
  ('artifact-3', 3, 'algebra', 'SOMETHING_ELSE', '{}', '2023-11-15 05:14:10'),
  ('artifact-4', 999, 'algebra', 'MEETING_ANALYTICS', '{}', '2023-11-15 05:14:10');
