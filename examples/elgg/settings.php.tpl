<?php
// Written by understudy for the clone; its mail goes to the sink beside it.
global $CONFIG;
$CONFIG ??= new \stdClass();
$CONFIG->dbhost = '{{database.host}}';
$CONFIG->dbport = {{database.port}};
$CONFIG->dbname = '{{database.name}}';
$CONFIG->dbuser = '{{database.user}}';
$CONFIG->dbpass = '{{database.password}}';
$CONFIG->dbprefix = 'elgg_';
$CONFIG->dbencoding = 'utf8mb4';
$CONFIG->dataroot = '{{media}}/';
$CONFIG->wwwroot = 'https://members.stg.example.org/';
$CONFIG->emailer_transport = 'smtp';
$CONFIG->emailer_smtp_settings = ['host' => '127.0.0.1', 'port' => 1025];
