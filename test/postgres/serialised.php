<?php
/* What PHP makes of values, for the test beside this file. One line of JSON in is one line of JSON out. */

class Closed
{
    private string $private = '';
    protected string $protected = '';
    public mixed $other = null;

    public function __construct(string $text)
    {
        $this->private = $text;
        $this->protected = $text;
        $this->other = &$this->private;
    }
}

class Own implements Serializable
{
    public function __construct(public string $text)
    {
    }

    public function serialize()
    {
        return serialize([$this->text, 1.5, true, null]);
    }

    public function unserialize($data)
    {
        [$this->text] = unserialize($data);
    }
}

/** A value made as the steps of a list say, out of a text. */
function made(array $steps, string $text): mixed
{
    $value = $text;
    foreach ($steps as $step) {
        $flat = is_string($value) ? $value : serialize($value);
        $value = match ($step) {
            'text' => $flat,
            'list' => [$value, 'ä', -1, 1.5, $value],
            'keys' => [$flat => $value, 'n' => null],
            'closed' => new Closed($flat),
            'own' => new Own($flat),
            'array' => new ArrayObject([$value]),
            'json' => json_encode(['a/b' => $flat, 'n' => 1.0]),
            'bare' => json_encode([$flat], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES),
            'hex' => json_encode([$flat], JSON_HEX_QUOT | JSON_HEX_TAG | JSON_HEX_AMP),
        };
    }
    return $value;
}

while (($line = fgets(STDIN)) !== false) {
    $asked = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    if (isset($asked['steps'])) {
        $answer = array_map(
            fn ($text) => base64_encode(serialize(made($asked['steps'], $text))),
            [$asked['before'], $asked['after']],
        );
    } else {
        $value = unserialize(base64_decode($asked['value']));
        $answer = $value !== false && base64_encode(serialize($value)) === $asked['value'];
    }
    echo json_encode($answer), "\n";
}
