using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>Puts into the document what the framework does not see: rules on the parameters of a record, and types with a reader of their own.</summary>
internal static class ApiLimits
{
    public static void Describe(OpenApiSchema schema, OpenApiSchemaTransformerContext context)
    {
        var type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
        if (type.IsEnum)
        {
            schema.Enum = [.. NamedEnums.NamesOf(type).Select(name => (JsonNode)name)];
        }
        else if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Named<>))
        {
            schema.Type = JsonSchemaType.String;
            schema.Enum = [.. NamedEnums.NamesOf(type.GetGenericArguments()[0]).Select(name => (JsonNode)name)];
        }
        else if (type == typeof(Moment))
        {
            schema.Type = JsonSchemaType.String;
            schema.Format = "date-time";
        }

        if (context.JsonPropertyInfo is { AttributeProvider: PropertyInfo property })
        {
            var parameter = property.DeclaringType!.GetConstructors().SelectMany(constructor => constructor.GetParameters()).FirstOrDefault(parameter => parameter.Name == property.Name);
            foreach (var rule in parameter?.GetCustomAttributes<ValidationAttribute>() ?? [])
            {
                Limit(schema, rule);
            }
        }
    }

    private static void Limit(OpenApiSchema schema, ValidationAttribute rule)
    {
        switch (rule)
        {
            case StringLengthAttribute length:
                (schema.MinLength, schema.MaxLength) = (length.MinimumLength > 0 ? length.MinimumLength : schema.MinLength, length.MaximumLength);
                break;
            case MaxLengthAttribute max when IsText(schema):
                schema.MaxLength = max.Length;
                break;
            case MinLengthAttribute min when IsText(schema):
                schema.MinLength = min.Length;
                break;
            case LengthAttribute length:
                (schema.MinItems, schema.MaxItems) = (length.MinimumLength, length.MaximumLength);
                break;
            case AtLeastAttribute least:
                schema.Minimum = Convert.ToString(least.Minimum, CultureInfo.InvariantCulture);
                break;
            case RangeAttribute range:
                schema.Minimum = Convert.ToString(range.Minimum, CultureInfo.InvariantCulture);
                schema.Maximum = range.Maximum is int ? Convert.ToString(range.Maximum, CultureInfo.InvariantCulture) : schema.Maximum;
                break;
            case RegularExpressionAttribute pattern:
                schema.Pattern = pattern.Pattern;
                break;
            case AllowedValuesAttribute allowed when IsText(schema) && allowed.Values.All(value => value is string or null):
                schema.Enum = [.. allowed.Values.OfType<string>().Select(value => (JsonNode)value)];
                break;
        }
    }

    private static bool IsText(OpenApiSchema schema) => schema.Type?.HasFlag(JsonSchemaType.String) == true;
}
