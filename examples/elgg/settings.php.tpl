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
// In a bundle the database's server is called so, and the page is on the developer's own machine.
$CONFIG->wwwroot = '{{database.host}}' === 'database' ? 'http://localhost:8080/' : 'https://members.stg.example.org/';
$CONFIG->emailer_transport = 'smtp';
$CONFIG->emailer_smtp_settings = ['host' => '127.0.0.1', 'port' => 1025];
