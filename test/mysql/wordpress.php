<?php
// Debian's WordPress on the command line, against one database: `php wordpress.php install`, or `… look`.
// Its server, account and database come as DB_SERVER, DB_USER, DB_PASSWORD and DB_NAME.

define('DB_HOST', getenv('DB_SERVER'));
define('DB_USER', getenv('DB_USER'));
define('DB_PASSWORD', getenv('DB_PASSWORD'));
define('DB_NAME', getenv('DB_NAME'));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $name) {
    define("{$name}_KEY", "key of $name");
    define("{$name}_SALT", "salt of $name");
}
define('WP_DEBUG', true);
define('DISABLE_WP_CRON', true);
define('WP_CONTENT_DIR', '/var/lib/wordpress/wp-content');
define('ABSPATH', '/usr/share/wordpress/');
$table_prefix = 'wp_';
$_SERVER += ['HTTP_HOST' => 'shop.example.org', 'SERVER_PROTOCOL' => 'HTTP/1.1', 'REQUEST_METHOD' => 'GET'];
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');

if ($argv[1] === 'install') {
    define('WP_INSTALLING', true);
    define('WP_SITEURL', 'https://shop.example.org/blog');
    // A new site writes to its owner, and asks itself for its pages.
    function wp_new_blog_notification() {}
}
require ABSPATH . 'wp-settings.php';

if ($argv[1] === 'install') {
    require_once ABSPATH . 'wp-admin/includes/upgrade.php';
    add_filter('pre_http_request', fn() => new WP_Error('offline', 'There is no network.'));
    install();
} else {
    echo json_encode(look(), JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR), "\n";
}

/** A site whose owner, posts, pictures, widgets and settings name its address in every way that WordPress has. */
function install(): void
{
    $home = 'https://shop.example.org/blog';
    $user = wp_install('Käte’s Shop 🛒', 'ann', 'ann@shop.example.org', true, '', 'production password')['user_id'];
    $GLOBALS['wp_rewrite']->set_permalink_structure('/%year%/%postname%/');
    $block = '<!-- wp:button ' . json_encode(['url' => "$home/sale", 'text' => 'Größe']) . " -->\n<a href=\"$home/sale\">Größe</a>\n<!-- /wp:button -->";
    $post = wp_insert_post(wp_slash([
        'post_author' => $user,
        'post_content' => "Straße: <a href=\"$home/über\">here</a>\n\n$block",
        'post_status' => 'publish',
        'post_title' => 'Größen',
    ]));
    wp_insert_comment([
        'comment_author' => 'Ben',
        'comment_author_email' => 'ben@customer.example.com',
        'comment_content' => "As on $home/2020/sale it says",
        'comment_post_ID' => $post,
    ]);
    $picture = wp_insert_attachment(
        ['guid' => "$home/wp-content/uploads/2026/11/öl.png", 'post_mime_type' => 'image/png', 'post_title' => 'Öl'],
        '2026/11/öl.png',
        $post,
    );
    $size = ['file' => 'öl-150x150.png', 'width' => 150, 'height' => 150, 'mime-type' => 'image/png'];
    wp_update_attachment_metadata($picture, [
        'file' => '2026/11/öl.png',
        'height' => 600,
        'image_meta' => ['aperture' => '2.8', 'credit' => "Käte, $home", 'keywords' => []],
        'sizes' => ['large' => $size, 'thumbnail' => ['source' => "$home/wp-content/uploads/2026/11/öl-150x150.png"] + $size],
        'width' => 800,
    ]);
    set_post_thumbnail($post, $picture);
    update_option('widget_text', [
        2 => ['filter' => true, 'text' => "Öffnungszeiten: $home/zeiten", 'title' => '„Zeiten“'],
        '_multiwidget' => 1,
    ]);
    // As plugins keep settings: objects, floats, values serialised within values, JSON within them, references.
    $shared = ['address' => $home];
    update_option('plugin_of_all_kinds', [
        'again' => [&$shared, &$shared],
        'inner' => serialize(['deeper' => serialize([$home, "$home/🛒"])]),
        'json' => json_encode(['link' => "$home/a"]),
        'object' => (object) ['home' => $home, 'rate' => 0.1, 'nothing' => null, 'is' => false],
        $home => 'as a key',
    ]);
    // Looks as if it were serialised, and is text of somebody's.
    update_option('plugin_of_text', "s:5:\"a text that begins so, and names $home");
    update_user_meta($user, 'dashboard', ['feeds' => ["$home/feed/"], 'seen' => time()]);
    WP_Session_Tokens::get_instance($user)->create(time() + 86400);
}

/** What WordPress itself finds: settings and metadata as its own functions read them, pages as it renders them. */
function look(): array
{
    global $wpdb;
    $stored = [];
    foreach (
        [
            'options' => "select option_name as name, option_value as value from $wpdb->options where option_name not like '%transient%'",
            'postmeta' => "select concat(post_id, ' ', meta_key) as name, meta_value as value from $wpdb->postmeta",
            'usermeta' => "select concat(user_id, ' ', meta_key) as name, meta_value as value from $wpdb->usermeta",
        ] as $table => $query
    ) {
        foreach ($wpdb->get_results("$query order by 1") as $row) {
            $stored["$table $row->name"] = unpacked($row->value);
        }
    }
    $posts = get_posts(['numberposts' => -1, 'orderby' => 'ID', 'post_type' => ['post', 'page', 'attachment'], 'post_status' => 'any']);
    $ann = wp_authenticate('ann', 'production password');
    return [
        'home' => home_url('/'),
        'login' => get_option('siteurl') . ' ' . (is_wp_error($ann) ? $ann->get_error_code() : $ann->user_email),
        'picture' => wp_get_attachment_image(get_posts(['post_type' => 'attachment'])[0]->ID, 'thumbnail'),
        'pages' => array_map(
            fn($post) => [get_permalink($post), $post->guid, apply_filters('the_content', $post->post_content)],
            $posts,
        ),
        'comments' => array_map(fn($comment) => $comment->comment_content, get_comments(['order' => 'ASC'])),
        'sessions' => count(WP_Session_Tokens::get_instance(get_user_by('login', 'ann')->ID)->get_all()),
        'unreadable' => array_keys(array_filter($stored, fn($value) => $value === false)),
        'stored' => $stored,
    ];
}

/** A value with all that is serialised within it. */
function unpacked(mixed $value): mixed
{
    $value = maybe_unserialize($value);
    if (is_object($value)) {
        return (object) array_map('unpacked', get_object_vars($value));
    }
    return is_array($value) ? array_map('unpacked', $value) : $value;
}
